// Mathematics in double precision, to within about two units in the last place. Series
// are those of Taylor on short intervals; the coefficients of atan are from Cephes
// (Moshier, 1989), those of erf from FDLIBM (Sun Microsystems, 1993).

// two_to is 2^n, from n = -1022 to 1023.
double two_to(int n) { return __longlong_as_double((long long)(n + 1023) << 52); }

// scaled is v 2^n, for any n.
double scaled(double v, int n) {
	int a = max(min(n, 2000), -2200) / 3, b = max(min(n, 2000), -2200) - 2 * a;
	return v * two_to(a) * two_to(a) * two_to(b);
}

// powers is e^r - 1 for |r| below 0.35.
double powers(double r) {
	double p = 1.0 / 6227020800.0;
	p = fma(p, r, 1.0 / 479001600.0);
	p = fma(p, r, 1.0 / 39916800.0);
	p = fma(p, r, 1.0 / 3628800.0);
	p = fma(p, r, 1.0 / 362880.0);
	p = fma(p, r, 1.0 / 40320.0);
	p = fma(p, r, 1.0 / 5040.0);
	p = fma(p, r, 1.0 / 720.0);
	p = fma(p, r, 1.0 / 120.0);
	p = fma(p, r, 1.0 / 24.0);
	p = fma(p, r, 1.0 / 6.0);
	p = fma(p, r, 0.5);
	return fma(r * r, p, r);
}

double exp(double x) {
	double n = rint(x * 1.4426950408889634);
	double r = fma(n, -1.9082149292705877e-10, fma(n, -0.6931471803691238, x));
	double v = scaled(1.0 + powers(r), (int)n);
	v = x > 710.0 ? __longlong_as_double(0x7ff0000000000000L) : v;
	v = x < -746.0 ? 0.0 : v;
	return x != x ? x : v;
}

double exp2(double x) {
	double n = rint(x);
	double v = scaled(1.0 + powers((x - n) * 0.6931471805599453), (int)n);
	v = x > 1025.0 ? __longlong_as_double(0x7ff0000000000000L) : v;
	v = x < -1076.0 ? 0.0 : v;
	return x != x ? x : v;
}

double expm1(double x) {
	if (x > 40.0 || x != x) return exp(x);
	if (x < -40.0) return -1.0;
	double n = rint(x * 1.4426950408889634);
	double hi = fma(n, -0.6931471803691238, x), r = fma(n, -1.9082149292705877e-10, hi);
	double t = fma(n, -1.9082149292705877e-10, hi - r), q = powers(r);
	q = q + t * (1.0 + q);
	double s = two_to((int)n);
	double v = fma(s, q, s - 1.0);
	return x == 0.0 ? x : v;
}

// atanh_rest is (atanh(s) - s) / s^3, by z = s^2 up to 0.0295.
double atanh_rest(double z) {
	double p = 1.0 / 23.0;
	p = fma(p, z, 1.0 / 21.0);
	p = fma(p, z, 1.0 / 19.0);
	p = fma(p, z, 1.0 / 17.0);
	p = fma(p, z, 1.0 / 15.0);
	p = fma(p, z, 1.0 / 13.0);
	p = fma(p, z, 1.0 / 11.0);
	p = fma(p, z, 1.0 / 9.0);
	p = fma(p, z, 1.0 / 7.0);
	p = fma(p, z, 1.0 / 5.0);
	return fma(p, z, 1.0 / 3.0);
}

// exponent_of is n of x = 2^n m with m from sqrt(1/2) to sqrt(2), for x > 0.
int exponent_of(double x) {
	int down = x < 2.2250738585072014e-308 ? 54 : 0;
	double v = down > 0 ? x * 18014398509481984.0 : x;
	long long b = __double_as_longlong(v) - 0x3fe6a09e667f3bcdL;
	return (int)(b >> 52) - down;
}

double mantissa_of(double x, int n) { return scaled(x, -n); }

// log_of is n ln 2 + ln m with a factor for each: for the bases.
double log_of(double x, double n, double m, double n_hi, double n_lo) {
	double f = m - 1.0, s = f / (2.0 + f), z = s * s, half = 0.5 * f * f;
	double rest = s * (half + 2.0 * z * atanh_rest(z));
	return fma(n, n_hi, f - (half - fma(n, n_lo, rest)));
}

double log(double x) {
	int n = exponent_of(x);
	double v = log_of(x, (double)n, mantissa_of(x, n), 0.6931471803691238, 1.9082149292705877e-10);
	v = x == 0.0 ? -__longlong_as_double(0x7ff0000000000000L) : v;
	v = x == __longlong_as_double(0x7ff0000000000000L) ? x : v;
	return x >= 0.0 ? v : __longlong_as_double(0x7ff8000000000000L);
}

double in_base(double x, double per_n, double per_ln) {
	int n = exponent_of(x);
	double v = fma(log_of(x, 0.0, mantissa_of(x, n), 0.0, 0.0), per_ln, (double)n * per_n);
	v = x == 0.0 ? -__longlong_as_double(0x7ff0000000000000L) : v;
	v = x == __longlong_as_double(0x7ff0000000000000L) ? x : v;
	return x >= 0.0 ? v : __longlong_as_double(0x7ff8000000000000L);
}

double log2(double x) { return in_base(x, 1.0, 1.4426950408889634); }
double log10(double x) { return in_base(x, 0.30102999566398120, 0.4342944819032518); }

// Kahan's trick: log(u) / (u - 1) changes slowly, so what was lost in u = 1 + x drops out.
double log1p(double x) {
	double u = 1.0 + x;
	if (u == 1.0 || x != x || u == __longlong_as_double(0x7ff0000000000000L)) return x;
	return log(u) * (x / (u - 1.0));
}

// pow by a logarithm with twice the digits.
double pow(double x, double y) {
	if (y == 0.0 || x == 1.0) return 1.0;
	if (x != x || y != y) return x + y;
	double a = fabs(x), inf = __longlong_as_double(0x7ff0000000000000L);
	int whole = trunc(y) == y, odd = whole && fabs(y) < 9007199254740992.0 && trunc(y * 0.5) * 2.0 != y;
	double v;
	if (a == 0.0) v = y > 0.0 ? 0.0 : inf;
	else if (fabs(y) == inf) v = a == 1.0 ? 1.0 : (a > 1.0) == (y > 0.0) ? inf : 0.0;
	else if (a == inf) v = y > 0.0 ? inf : 0.0;
	else {
		int n = exponent_of(a);
		double m = mantissa_of(a, n), f = m - 1.0, d = 2.0 + f, s = f / d; // ln m is 2 atanh(s)
		double tail = (2.0 - d) + f, low = (fma(-s, d, f) - s * tail) / d, z = s * s;
		double part = 2.0 * s, hi = fma((double)n, 0.6931471803691238, part);
		double big = (double)n * 0.6931471803691238;
		double lo = (part - (hi - big)) + (big - (hi - (hi - big)));
		lo = lo + fma((double)n, 1.9082149292705877e-10, 2.0 * low + 2.0 * s * z * atanh_rest(z));
		double all = hi + lo;
		lo = (hi - all) + lo;
		hi = all;
		double p = y * hi, q = fma(y, hi, -p) + y * lo;
		if (p > 709.5) v = p > 720.0 ? inf : exp(p * 0.5) * exp(p * 0.5 + q);
		else if (p < -700.0) v = p < -760.0 ? 0.0 : exp(p * 0.5) * exp(p * 0.5 + q);
		else {
			v = exp(p);
			v = fma(v, q, v);
		}
	}
	if (x < 0.0 && !whole && a != inf && fabs(y) != inf) return __longlong_as_double(0x7ff8000000000000L);
	return odd && (x < 0.0 || 1.0 / x < 0.0) ? -v : v;
}

// bits_of_4_over_pi are 64 digits of 4/pi, by number.
unsigned long long bits_of_4_over_pi(int i) {
	switch (i) {
	case 0: return 0x0000000000000001UL;
	case 1: return 0x45f306dc9c882a53UL;
	case 2: return 0xf84eafa3ea69bb81UL;
	case 3: return 0xb6c52b3278872083UL;
	case 4: return 0xfca2c757bd778ac3UL;
	case 5: return 0x6e48dc74849ba5c0UL;
	case 6: return 0x0c925dd413a32439UL;
	case 7: return 0xfc3bd63962534e7dUL;
	case 8: return 0xd1046bea5d768909UL;
	case 9: return 0xd338e04d68befc82UL;
	case 10: return 0x7323ac7306a673e9UL;
	case 11: return 0x3908bf177bf25076UL;
	case 12: return 0x3ff12fffbc0b301fUL;
	case 13: return 0xde5e2316b414da3eUL;
	case 14: return 0xda6cfd9e4f96136eUL;
	case 15: return 0x9e8c7ecd3cbfd45aUL;
	case 16: return 0xea4f758fd7cbe2f6UL;
	case 17: return 0x7a0e73ef14a525d4UL;
	case 18: return 0xd7f6bf623f1aba10UL;
	}
	return 0xac06608df8f6d757UL;
}

// quarter is which quarter turn is nearest to x and part what x has beyond it. Large
// arguments meet as many digits of 4/pi as they need (Payne, Hanek 1983).
#define REDUCE(x, quarter, part) \
	int quarter; \
	double part; \
	if (fabs(x) < 100000.0) { \
		double n_ = rint(x * 0.6366197723675814); \
		double r_ = fma(n_, -1.5707963267948966, x); \
		part = fma(n_, -6.123233995736766e-17, r_); \
		part = part + (fma(n_, -6.123233995736766e-17, r_ - part)); \
		quarter = (int)n_; \
	} else { \
		unsigned long long m_ = (unsigned long long)__double_as_longlong(fabs(x)); \
		int e_ = (int)(m_ >> 52) - 1075 + 61; \
		m_ = m_ & 0xfffffffffffffUL | 0x10000000000000UL; \
		int word_ = e_ >> 6, shift_ = e_ & 63; \
		unsigned long long w0_ = bits_of_4_over_pi(word_), w1_ = bits_of_4_over_pi(word_ + 1), w2_ = bits_of_4_over_pi(word_ + 2), w3_ = bits_of_4_over_pi(word_ + 3); \
		if (shift_ > 0) { \
			w0_ = w0_ << shift_ | w1_ >> (64 - shift_); \
			w1_ = w1_ << shift_ | w2_ >> (64 - shift_); \
			w2_ = w2_ << shift_ | w3_ >> (64 - shift_); \
		} \
		unsigned long long low_ = w1_ * m_ + __umul64hi(w2_, m_); \
		unsigned long long high_ = w0_ * m_ + __umul64hi(w1_, m_) + (low_ < __umul64hi(w2_, m_) ? 1UL : 0UL); \
		quarter = (int)((high_ + 0x2000000000000000UL) >> 62); \
		part = fma((double)(long long)(high_ << 2 | low_ >> 62), 5.421010862427522e-20, (double)(low_ << 2) * 2.9387358770557188e-39) * 1.5707963267948966; \
		if (x < 0.0) { \
			quarter = -quarter; \
			part = -part; \
		} \
	}

double sin_of(double r) {
	double z = r * r, p = 1.0 / 355687428096000.0;
	p = fma(p, z, -1.0 / 1307674368000.0);
	p = fma(p, z, 1.0 / 6227020800.0);
	p = fma(p, z, -1.0 / 39916800.0);
	p = fma(p, z, 1.0 / 362880.0);
	p = fma(p, z, -1.0 / 5040.0);
	p = fma(p, z, 1.0 / 120.0);
	p = fma(p, z, -1.0 / 6.0);
	return fma(r * z, p, r);
}

double cos_of(double r) {
	double z = r * r, p = -1.0 / 6402373705728000.0;
	p = fma(p, z, 1.0 / 20922789888000.0);
	p = fma(p, z, -1.0 / 87178291200.0);
	p = fma(p, z, 1.0 / 479001600.0);
	p = fma(p, z, -1.0 / 3628800.0);
	p = fma(p, z, 1.0 / 40320.0);
	p = fma(p, z, -1.0 / 720.0);
	p = fma(p, z, 1.0 / 24.0);
	p = fma(p, z, -0.5);
	return fma(z, p, 1.0);
}

double sin(double x) {
	if (!(fabs(x) <= 1.7976931348623157e308)) return x - x;
	REDUCE(x, quarter, r)
	double v = quarter & 1 ? cos_of(r) : sin_of(r);
	return quarter & 2 ? -v : v;
}

double cos(double x) {
	if (!(fabs(x) <= 1.7976931348623157e308)) return x - x;
	REDUCE(x, quarter, r)
	double v = quarter & 1 ? sin_of(r) : cos_of(r);
	return (quarter + 1) & 2 ? -v : v;
}

double tan(double x) {
	if (!(fabs(x) <= 1.7976931348623157e308)) return x - x;
	REDUCE(x, quarter, r)
	return quarter & 1 ? -cos_of(r) / sin_of(r) : sin_of(r) / cos_of(r);
}

double atan_small(double x) {
	double z = x * x;
	double p = -8.750608600031904122785e-01;
	p = fma(p, z, -1.615753718733365076637e+01);
	p = fma(p, z, -7.500855792314704667340e+01);
	p = fma(p, z, -1.228866684490136173410e+02);
	p = fma(p, z, -6.485021904942025371773e+01);
	double q = z + 2.485846490142306297962e+01;
	q = fma(q, z, 1.650270098316988542046e+02);
	q = fma(q, z, 4.328810604912902668951e+02);
	q = fma(q, z, 4.853903996359136964868e+02);
	q = fma(q, z, 1.945506571482613964425e+02);
	return fma(x, z * p / q, x);
}

double atan(double x) {
	double a = fabs(x), v;
	if (a <= 0.66) v = atan_small(a);
	else if (a > 2.41421356237309504880) v = 1.5707963267948966 - atan_small(1.0 / a) + 6.123233995736766e-17;
	else v = 0.7853981633974483 + atan_small((a - 1.0) / (a + 1.0)) + 3.061616997868383e-17;
	return x != x ? x : copysign(v, x);
}

double atan2(double y, double x) {
	if (x != x || y != y) return x + y;
	double a = fabs(y), b = fabs(x), v;
	if (a == b && a != 0.0) v = 0.7853981633974483;
	else if (a == 0.0) v = 0.0;
	else v = atan(a / b);
	if (__double_as_longlong(x) < 0) v = 3.141592653589793 - (v - 1.2246467991473532e-16);
	return copysign(v, y);
}

double asin(double x) { return fabs(x) <= 1.0 ? x == 0.0 ? x : atan2(x, sqrt((1.0 - x) * (1.0 + x))) : __longlong_as_double(0x7ff8000000000000L); }
double acos(double x) { return fabs(x) <= 1.0 ? 2.0 * atan2(sqrt(1.0 - x), sqrt(1.0 + x)) : __longlong_as_double(0x7ff8000000000000L); }

double sinh(double x) {
	double a = fabs(x), v;
	if (a < 30.0) {
		double t = expm1(a);
		v = 0.5 * (t + t / (t + 1.0));
	} else {
		double w = exp(0.5 * a);
		v = 0.5 * w * w;
	}
	return x != x ? x : copysign(v, x);
}

double cosh(double x) {
	double a = fabs(x);
	if (a < 30.0) {
		double t = exp(a);
		return 0.5 * t + 0.5 / t;
	}
	double w = exp(0.5 * a);
	return x != x ? x : 0.5 * w * w;
}

double tanh(double x) {
	double a = fabs(x), t = expm1(-2.0 * a);
	double v = a > 22.0 ? 1.0 : -t / (t + 2.0);
	return x != x ? x : copysign(v, x);
}

// fmod subtracts the divisor at every binary place, so nothing is rounded.
double fmod(double x, double y) {
	double a = fabs(x), b = fabs(y);
	if (!(a <= 1.7976931348623157e308) || b == 0.0 || y != y) return __longlong_as_double(0x7ff8000000000000L);
	if (a < b) return x;
	int up = 0;
	if (b < 1e-290 && a < 1e-150) {
		a = a * 18014398509481984.0;
		b = b * 18014398509481984.0;
		up = 54;
	} else if (b < 2.2250738585072014e-308) {
		// Far apart: a multiple of b that is no subnormal comes first.
		double c = b * 18014398509481984.0;
		a = a < c ? a : fmod_of(a, c);
		if (a < b) return copysign(a, x);
		a = a * 18014398509481984.0;
		b = c;
		up = 54;
	}
	a = fmod_of(a, b);
	return copysign(up > 0 ? a * 5.551115123125783e-17 : a, x);
}

// fmod_of is fmod of normal numbers, 0 < b <= a.
double fmod_of(double a, double b) {
	long long i = __double_as_longlong(a), k = __double_as_longlong(b);
	int e = (int)(i >> 52), to = (int)(k >> 52);
	i = i & 0xfffffffffffffL | 0x10000000000000L;
	k = k & 0xfffffffffffffL | 0x10000000000000L;
	for (; e > to; e--) {
		if (i >= k) i = i - k;
		i = i << 1;
	}
	if (i >= k) i = i - k;
	if (i == 0) return 0.0;
	return (double)i * two_to(to - 1075 < -1022 ? -1022 : to - 1075) * (to - 1075 < -1022 ? two_to(to - 1075 + 1022) : 1.0);
}

double erf(double x) {
	double a = fabs(x), v;
	if (x != x) return x;
	if (a < 0.84375) {
		double z = a * a;
		double r = fma(fma(fma(fma(-2.37630166566501626084e-05, z, -5.77027029648944159157e-03), z, -2.84817495755985104766e-02), z, -3.25042107247001499370e-01), z, 1.28379167095512558561e-01);
		double s = fma(fma(fma(fma(fma(-3.96022827877536812320e-06, z, 1.32494738004321644526e-04), z, 5.08130628187576562776e-03), z, 6.50222499887672944485e-02), z, 3.97917223959155352819e-01), z, 1.0);
		return fma(x, r / s, x);
	}
	if (a < 1.25) {
		double s = a - 1.0;
		double p = fma(fma(fma(fma(fma(fma(-2.16637559486879084300e-03, s, 3.54783043256182359371e-02), s, -1.10894694282396677476e-01), s, 3.18346619901161753674e-01), s, -3.72207876035701323847e-01), s, 4.14856118683748331666e-01), s, -2.36211856075265944077e-03);
		double q = fma(fma(fma(fma(fma(fma(1.19844998467991074170e-02, s, 1.36370839120290507362e-02), s, 1.26171219808761642112e-01), s, 7.18286544141962662868e-02), s, 5.40397917702171048937e-01), s, 1.06420880400844228286e-01), s, 1.0);
		return copysign(8.45062911510467529297e-01 + p / q, x);
	}
	if (a >= 6.0) return copysign(1.0, x);
	double s = 1.0 / (a * a), r, t;
	if (a < 2.857142857142857) {
		r = fma(fma(fma(fma(fma(fma(fma(-9.81432934416914548592e+00, s, -8.12874355063065934246e+01), s, -1.84605092906711035994e+02), s, -1.62396669462573470355e+02), s, -6.23753324503260060396e+01), s, -1.05586262253232909814e+01), s, -6.93858572707181764372e-01), s, -9.86494403484714822705e-03);
		t = fma(fma(fma(fma(fma(fma(fma(fma(-6.04244152148580987438e-02, s, 6.57024977031928170135e+00), s, 1.08635005541779435134e+02), s, 4.29008140027567833386e+02), s, 6.45387271733267880336e+02), s, 4.34565877475229228821e+02), s, 1.37657754143519042600e+02), s, 1.96512716674392571292e+01), s, 1.0);
	} else {
		r = fma(fma(fma(fma(fma(fma(-4.83519191608651397019e+02, s, -1.02509513161107724954e+03), s, -6.37566443368389627722e+02), s, -1.60636384855821916062e+02), s, -1.77579549177547519889e+01), s, -7.99283237680523006574e-01), s, -9.86494292470009928597e-03);
		t = fma(fma(fma(fma(fma(fma(fma(-2.24409524465858183362e+01, s, 4.74528541206955367215e+02), s, 2.55305040643316442583e+03), s, 3.19985821950859553908e+03), s, 1.53672958608443695994e+03), s, 3.25792512996573918826e+02), s, 3.03380607434824582924e+01), s, 1.0);
	}
	double z = __longlong_as_double(__double_as_longlong(a) & ~0xffffffffL);
	v = exp(-z * z - 0.5625) * exp((z - a) * (z + a) + r / t);
	return copysign(1.0 - v / a, x);
}
