"""From the text of LLVM IR to the address of machine code, through llvmlite."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

from optserve.backends.blas import gemm
from optserve.backends.llvm.ir.target import definitions

__all__ = ["Engine", "engine", "engine_for"]

LONG = 5_000
"""Lines from which on equal values are not looked for: LLVM's NewGVN ends the process where it has
to look at one value a hundred times, as happened to a module of 20,000 lines."""


@dataclass
class Engine:
    """One code generator for this machine's processor."""

    machine: Any
    triple: str
    processor: str
    features: str
    _loaded: list[Any] = field(default_factory=list)

    @functools.cached_property
    def identity(self) -> tuple[str, ...]:
        """What object code depends on besides its source."""
        import llvmlite
        from llvmlite import binding

        version = ".".join(map(str, binding.llvm_version_info))
        return llvmlite.__version__, version, self.triple, self.processor, self.features

    def object_code(self, text: str) -> bytes:
        """Machine code as an object file: registers and scalar clean-up, no vectorizer."""
        from llvmlite import binding

        called = definitions(text, self.triple, self.features)
        module = binding.parse_assembly(f'target triple = "{self.triple}"\n{text}\n{called}')
        module.verify()
        passes = binding.create_new_module_pass_manager()
        if called:
            passes.add_always_inliner_pass()
        passes.add_sroa_pass()
        if text.count("\n") < LONG:
            passes.add_new_gvn_pass()
        passes.add_loop_rotate_pass()
        passes.add_instruction_combine_pass()
        passes.add_simplify_cfg_pass()
        options = binding.create_pipeline_tuning_options(speed_level=2)
        passes.run(module, binding.create_pass_builder(self.machine, options))
        code: bytes = self.machine.emit_object(module)
        return code

    def load(self, code: bytes, name: str) -> int:
        """The address of the function ``name`` of an object file."""
        from llvmlite import binding

        _with_gemm(code)
        empty = binding.parse_assembly("")
        linker = binding.create_mcjit_compiler(empty, _machine(self.processor, self.features))
        linker.add_object_file(binding.ObjectFileRef.from_data(code))
        linker.finalize_object()
        self._loaded.append(linker)  # the code lives as long as the linker
        return int(linker.get_function_address(name))


@functools.cache
def engine() -> Engine:
    """The engine for the processor that this process runs on."""
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    binding.initialize_native_asmparser()
    processor = binding.get_host_cpu_name()
    features = binding.get_host_cpu_features().flatten()
    triple = binding.get_default_triple()
    return Engine(_machine(processor, features), triple, processor, features)


def engine_for(processor: str, features: str = "", triple: str | None = None) -> Engine:
    """The engine for another processor, by default one that runs the code of this system.

    Its code can be loaded only where this process can run it.

    >>> other = engine_for("cortex-a72", triple="aarch64-unknown-linux-gnu")
    >>> text = "define double @half(double %x) { %y = fmul double %x, 0.5 ret double %y }"
    >>> other.object_code(text)[:4]
    b'\\x7fELF'
    """
    from llvmlite import binding

    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    wanted = binding.get_default_triple() if triple is None else triple
    target = binding.Target.from_triple(wanted)
    machine = target.create_target_machine(
        cpu=processor, features=features, opt=2, reloc="pic", codemodel="default"
    )
    return Engine(machine, wanted, processor, features)


def _machine(processor: str, features: str) -> Any:
    from llvmlite import binding

    target = binding.Target.from_default_triple()
    return target.create_target_machine(
        cpu=processor, features=features, opt=2, reloc="pic", codemodel="default"
    )


def _with_gemm(code: bytes) -> None:
    """Tell the linker of ``code`` where BLAS is."""
    known = gemm()
    if known is None or b"optserve.gemm" not in code:
        return
    from llvmlite import binding

    binding.add_symbol("optserve.gemm.float", known.single)
    binding.add_symbol("optserve.gemm.double", known.double)
