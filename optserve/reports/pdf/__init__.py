"""A report as PDF: ``document`` lays the parts of ``content`` out on sheets of paper."""
