/* A hardening spring at rest: the x that solves stiffness * x + cubic * x^3 = force (Duffing 1918).

   All arrays have n entries. stiffness is positive and cubic is not negative, so there is one x. */

#include <math.h>
#include <stddef.h>

void spring(size_t n, const double *force, const double *stiffness, const double *cubic, double *x)
{
    for (size_t i = 0; i < n; i++) {
        double k = stiffness[i], c = cubic[i], f = fabs(force[i]);
        double linear = f / k, root = c > 0.0 ? cbrt(f / c) : linear;
        double at = linear < root ? linear : root; /* not below the solution: Newton falls to it */
        for (int step = 0; step < 60; step++) {
            double next = at - ((c * at * at + k) * at - f) / (3.0 * c * at * at + k);
            if (!(next < at))
                break;
            at = next;
        }
        x[i] = copysign(at, force[i]);
    }
}

/* The adjoint: by the implicit function theorem all three derivatives are multiples of this one. */
void spring_slope(size_t n, const double *x, const double *stiffness, const double *cubic, double *slope)
{
    for (size_t i = 0; i < n; i++)
        slope[i] = 1.0 / (3.0 * cubic[i] * x[i] * x[i] + stiffness[i]);
}
