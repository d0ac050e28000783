void spring(size_t n, const double *force, const double *stiffness, const double *cubic, double *x);
void spring_slope(size_t n, const double *x, const double *stiffness, const double *cubic, double *slope);
