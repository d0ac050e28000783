/* Value and gradient of mean((a exp(-b x) + c exp(-d x) + e - y)^2), as one writes it by hand. */
#include <math.h>

void curve(long n, const double *p, const double *x, const double *y, double *out) {
    const double a = p[0], b = p[1], c = p[2], d = p[3], e = p[4];
    double loss = 0, da = 0, db = 0, dc = 0, dd = 0, de = 0;
#pragma omp parallel for simd reduction(+ : loss, da, db, dc, dd, de) schedule(static)
    for (long i = 0; i < n; i++) {
        const double s = exp(-b * x[i]), t = exp(-d * x[i]);
        const double r = a * s + c * t + e - y[i];
        loss += r * r;
        da += r * s;
        db -= r * s * x[i];
        dc += r * t;
        dd -= r * t * x[i];
        de += r;
    }
    const double k = 2.0 / n;
    out[0] = loss / n;
    out[1] = k * da;
    out[2] = k * a * db;
    out[3] = k * dc;
    out[4] = k * c * dd;
    out[5] = k * de;
}
