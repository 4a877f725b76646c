// C++ for the emulation: a work item is a fiber, a barrier gives way to the next
// one, and every access to memory is checked. A missing barrier shows as a wrong
// value, because an item runs alone until it reaches one and shared memory begins
// as garbage.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;

namespace {
enum { maxItems = 1024, stackBytes = 64 << 10 };
int lid_[3], grp_[3], count_[3], size_[3];
char trouble_[256];

// fault keeps the first trouble_ of a launch.
template <class... A> void fault(const char *form, A... a) {
	if (!trouble_[0]) snprintf(trouble_, sizeof trouble_, form, a...);
}

template <class T> T &checked(char *p, long bytes, long i, const char *what) {
	static char nowhere[16];
	if (i < 0 || (i + 1) * (long)sizeof(T) > bytes) {
		fault("item %d %d %d of group %d %d %d: %s element %ld of %ld", lid_[0], lid_[1], lid_[2], grp_[0], grp_[1], grp_[2], what, i, bytes / (long)sizeof(T));
		return *(T *)nowhere;
	}
	return ((T *)p)[i];
}

// Memory is a buffer.
template <class T> struct Memory {
	char *p;
	long bytes;
	Memory(char *p, long bytes) : p(p), bytes(bytes) {}
	template <class U> Memory(const Memory<U> &m) : p(m.p), bytes(m.bytes) {}
	T &operator[](long i) const { return checked<T>(p, bytes, i, "buffer"); }
};

// Shared is memory of a group, garbage when one begins.
struct SharedBase {
	SharedBase *next;
	virtual void spoil() = 0;
};
SharedBase *allShared;
template <class T, int n> struct Shared : SharedBase {
	T v[n];
	Shared() {
		next = allShared;
		allShared = this;
		spoil();
	}
	void spoil() override { memset((void *)v, 0xa5, sizeof v); }
	T &operator[](long i) { return checked<T>((char *)v, sizeof v, i, "local"); }
};

ucontext_t scheduler, items_[maxItems];
char *stacks;
int now, barriers, finished;
bool done[maxItems];
void (*body_)();

void place(int item) {
	lid_[0] = item % size_[0];
	lid_[1] = item / size_[0] % size_[1];
	lid_[2] = item / size_[0] / size_[1];
}
void item() {
	body_();
	done[now] = true;
	finished++;
	swapcontext(&items_[now], &scheduler);
}
void barrier_() {
	barriers++;
	int me = now;
	swapcontext(&items_[me], &scheduler);
}

// group runs the items_ of a group, forwards or backwards, barrier by barrier.
void group(bool fibers, bool backwards) {
	int n = size_[0] * size_[1] * size_[2];
	for (SharedBase *s = allShared; s; s = s->next) s->spoil();
	if (!fibers) {
		for (int k = 0; k < n; k++) {
			place(backwards ? n - 1 - k : k);
			body_();
		}
		return;
	}
	if (!stacks) stacks = (char *)malloc((size_t)maxItems * stackBytes);
	for (int i = 0; i < n; i++) {
		getcontext(&items_[i]);
		items_[i].uc_stack.ss_sp = stacks + (size_t)i * stackBytes;
		items_[i].uc_stack.ss_size = stackBytes;
		items_[i].uc_link = 0;
		makecontext(&items_[i], item, 0);
		done[i] = false;
	}
	for (finished = 0; finished < n;) {
		int ended = 0, before = finished;
		barriers = 0;
		for (int k = 0; k < n; k++) {
			now = backwards ? n - 1 - k : k;
			if (done[now]) continue;
			place(now);
			swapcontext(&scheduler, &items_[now]);
		}
		ended = finished - before;
		if (ended > 0 && barriers > 0) {
			fault("group %d %d %d: %d items_ wait at a barrier that %d others do not reach", grp_[0], grp_[1], grp_[2], barriers, ended);
			return;
		}
	}
}
} // namespace

static inline int max(int a, int b) { return a > b ? a : b; }
static inline int min(int a, int b) { return a < b ? a : b; }
#define DEVICE static
#define CONST_BYTES Memory<const uchar>
#define BYTES Memory<uchar>
#define AT(p, i) p[i]
#define PICK(t, p, i) (Memory<const t>(p)[i])
#define PUT(t, p, i, v) (Memory<t>(p)[i] = (v))
#define SHARED(type, name, length) static Shared<type, (length)> name
#define GRP(d) grp_[d]
#define LID(d) lid_[d]
#define GID(d) (grp_[d] * size_[d] + lid_[d])
#define BARRIER() barrier_()
#define GLOBAL_BARRIER() barrier_()
#define FMA(a, b, c) fma(a, b, c)
static inline uint FLOAT_BITS(float f) {
	uint u;
	memcpy(&u, &f, 4);
	return u;
}
static inline float BITS_FLOAT(uint u) {
	float f;
	memcpy(&f, &u, 4);
	return f;
}
#define MULHI(a, b) ((uint)((ulong)(a) * (b) >> 32))
#define MULHI64(a, b) ((ulong)((unsigned __int128)(a) * (b) >> 64))
#define PLUS32(a, b) ((a) + (b))
#define TIMES32(a, b) ((a) * (b))
