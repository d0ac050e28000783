/* Value and gradient of mean(log(1 + exp(z)) - y z), z = X w + b, as one writes it by hand. */
#include <math.h>

#define COLUMNS 32

void logistic(long n, const double *p, const double *x, const double *y, double *out) {
    double loss = 0, total = 0, g[COLUMNS] = {0};
    enum { BLOCK = 256 };
#pragma omp parallel for reduction(+ : loss, total, g[:COLUMNS]) schedule(static)
    for (long start = 0; start < n; start += BLOCK) {
        const long count = n - start < BLOCK ? n - start : BLOCK;
        const double *rows = x + start * COLUMNS;
        double z[BLOCK], r[BLOCK];
        for (long i = 0; i < count; i++) {
            double dot = p[COLUMNS];
            for (int j = 0; j < COLUMNS; j++) dot += rows[i * COLUMNS + j] * p[j];
            z[i] = dot;
        }
        for (long i = 0; i < count; i++) {
            const double e = exp(-fabs(z[i])), s = 1.0 / (1.0 + e);
            r[i] = (z[i] > 0 ? s : e * s) - y[start + i];
            loss += fmax(z[i], 0.0) + log1p(e) - y[start + i] * z[i];
            total += r[i];
        }
        for (long i = 0; i < count; i++)
            for (int j = 0; j < COLUMNS; j++) g[j] += r[i] * rows[i * COLUMNS + j];
    }
    out[0] = loss / n;
    for (int j = 0; j < COLUMNS; j++) out[1 + j] = g[j] / n;
    out[1 + COLUMNS] = total / n;
}
