// An OpenCL library that computes nothing and fails on demand, for tests.
//
// FAKECL is a list of failures, "clFinish=-5,clCreateBuffer=-4@3-7": the function
// returns the code, always or from its third call to its seventh ("@3" alone: from
// the third on). FAKECL_TYPES is a digit for the type of each device, FAKECL_VERSION
// the version of all, FAKECL_MEMORY their memory in bytes. Objects are counted, an
// object that is used after its release ends the process, and, as with real drivers,
// memory that queued commands may still use is free only when the queue has been
// waited for.
//
// The types are those of CL/cl.h, written out so that no header is needed.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int32_t code;
typedef struct object object;
struct object {
	int kind, refs;
	size_t size;
	char *bytes;  // of a buffer, or what a program was made of
	object *next; // among the released buffers that the queue may use
};

enum { NONE, CONTEXT, QUEUE, BUFFER, PROGRAM, KERNEL, EVENT, KINDS };
static const char *kinds[] = {"", "contexts", "queues", "buffers", "programs", "kernels", "events"};
static int live[KINDS], platform, devices[8], busy;
static size_t used;
static object *waiting;
static char locked; // guards used and waiting

static void lock(void) { while (__atomic_test_and_set(&locked, __ATOMIC_ACQUIRE)) ; }
static void unlock(void) { __atomic_clear(&locked, __ATOMIC_RELEASE); }

// The memory of the device in bytes.
static uint64_t memory(void) {
	const char *bytes = getenv("FAKECL_MEMORY");
	return bytes && *bytes ? strtoull(bytes, NULL, 10) : 64 << 20;
}

// The types of the devices, as digits: 2 is a processor, 4 a GPU, 6 both.
static const char *types(void) {
	const char *digits = getenv("FAKECL_TYPES");
	return digits ? digits : "4";
}

// A list that takes the place of FAKECL from now on.
static const char *instead;
void fakecl_set(const char *list) { instead = strdup(list); }

// fails is the code that FAKECL has for this call of a function, 0 for none.
static code fails(const char *name, int *calls) {
	const char *list = instead ? instead : getenv("FAKECL");
	size_t n = strlen(name);
	++*calls;
	for (; list && *list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL) {
		if (strncmp(list, name, n) || list[n] != '=') continue;
		char *end;
		code c = strtol(list + n + 1, &end, 10);
		int from = 1, to = 1 << 30;
		if (*end == '@') {
			to = from = strtol(end + 1, &end, 10);
			to = *end == '-' ? strtol(end + 1, &end, 10) : 1 << 30;
		}
		if (*calls >= from && *calls <= to) return c;
	}
	return 0;
}
#define FAILS(result) \
	static int calls; \
	code failure = fails(__func__, &calls); \
	if (failure) return result
#define RETURN_CODE FAILS(failure)
#define RETURN_NULL(err) FAILS((*(err) = failure, NULL)); *(err) = 0

static void *make(int kind) {
	object *o = calloc(1, sizeof *o);
	o->kind = kind, o->refs = 1;
	__atomic_add_fetch(&live[kind], 1, __ATOMIC_SEQ_CST);
	return o;
}

static object *valid(void *p, int kind, const char *where) {
	object *o = p;
	if (!o || o->kind != kind) {
		fprintf(stderr, "fakecl: %s: this is none of the live %s\n", where, kinds[kind]);
		abort();
	}
	return o;
}
#define VALID(p, kind) valid(p, kind, __func__)

static void discard(object *o) {
	used -= o->size;
	free(o->bytes);
	o->bytes = NULL; // the object itself stays, so that later use is noticed
}

static code drop(void *p, int kind, const char *where) {
	object *o = valid(p, kind, where);
	__atomic_sub_fetch(&live[kind], 1, __ATOMIC_SEQ_CST);
	o->kind = NONE;
	lock();
	if (kind == BUFFER && busy)
		o->next = waiting, waiting = o;
	else
		discard(o);
	unlock();
	return 0;
}

// What is alive, "" if nothing is.
const char *fakecl_live(void) {
	static char text[256];
	text[0] = 0;
	for (int k = 1; k < KINDS; k++)
		if (live[k]) sprintf(text + strlen(text), "%d %s ", live[k], kinds[k]);
	return text;
}

static code answer(const void *value, size_t size, size_t room, void *to, size_t *count) {
	if (count) *count = size;
	if (to && room < size) return -30;
	if (to) memcpy(to, value, size);
	return 0;
}
static code text(const char *s, size_t room, void *to, size_t *count) { return answer(s, strlen(s) + 1, room, to, count); }

code clGetPlatformIDs(uint32_t n, void **list, uint32_t *count) {
	RETURN_CODE;
	if (count) *count = 1;
	if (list) list[0] = &platform;
	return 0;
}
code clGetPlatformInfo(void *p, uint32_t what, size_t room, void *to, size_t *count) {
	RETURN_CODE;
	return text(what == 0x902 ? "Fake Platform" : "OpenCL 1.2 fake", room, to, count);
}
code clGetDeviceIDs(void *p, uint64_t type, uint32_t n, void **list, uint32_t *count) {
	RETURN_CODE;
	uint32_t found = strlen(types());
	if (count) *count = found;
	for (uint32_t i = 0; i < n && i < found; i++) list[i] = &devices[i];
	return 0;
}
code clGetDeviceInfo(void *d, uint32_t what, size_t room, void *to, size_t *count) {
	RETURN_CODE;
	const char *version = getenv("FAKECL_VERSION");
	int i = (int *)d - devices;
	char name[] = "Fake Device 0";
	name[strlen(name) - 1] += i;
	uint64_t bytes = memory(), type = types()[i] - '0', none = 0;
	size_t group = 256, items[3] = {256, 256, 256};
	uint32_t one = 1, bits = 1024, units = 3;
	switch (what) {
	case 0x1000: return answer(&type, 8, room, to, count);
	case 0x1002: return answer(&units, 4, room, to, count);
	case 0x1004: return answer(&group, 8, room, to, count);
	case 0x1005: return answer(items, 24, room, to, count);
	case 0x1010: case 0x101F: case 0x1023: return answer(&bytes, 8, room, to, count);
	case 0x1019: return answer(&bits, 4, room, to, count);
	case 0x1026: case 0x1027: case 0x1028: return answer(&one, 4, room, to, count);
	case 0x101B: return answer(&none, 8, room, to, count);
	case 0x102B: return text(name, room, to, count);
	case 0x102C: return text("Fake Corporation", room, to, count);
	case 0x102F: return text(version ? version : "OpenCL 1.2 fake", room, to, count);
	case 0x1030: return text("", room, to, count);
	}
	return -30;
}
void *clCreateContext(void *properties, uint32_t n, void **devices, void *callback, void *user, code *err) {
	RETURN_NULL(err);
	return make(CONTEXT);
}
void *clCreateCommandQueue(void *context, void *d, uint64_t properties, code *err) {
	RETURN_NULL(err);
	VALID(context, CONTEXT);
	return make(QUEUE);
}
void *clCreateBuffer(void *context, uint64_t flags, size_t size, void *host, code *err) {
	RETURN_NULL(err);
	VALID(context, CONTEXT);
	lock();
	int fits = used + size <= memory();
	if (fits) used += size;
	unlock();
	if (!fits) return *err = -4, NULL;
	object *o = make(BUFFER);
	o->bytes = calloc(1, size), o->size = size;
	return o;
}
static void *program(const void *text, size_t size) {
	object *o = make(PROGRAM);
	o->bytes = calloc(1, size + 1), o->size = size;
	lock();
	used += size;
	unlock();
	memcpy(o->bytes, text, size);
	return o;
}
void *clCreateProgramWithSource(void *context, uint32_t n, const char **texts, size_t *sizes, code *err) {
	RETURN_NULL(err);
	VALID(context, CONTEXT);
	return program(texts[0], strlen(texts[0]));
}
void *clCreateProgramWithBinary(void *context, uint32_t n, void **devices, size_t *sizes, const unsigned char **binaries, code *statuses, code *err) {
	RETURN_NULL(err);
	VALID(context, CONTEXT);
	return program(binaries[0], sizes[0]);
}
code clBuildProgram(void *p, uint32_t n, void **devices, const char *options, void *callback, void *user) {
	RETURN_CODE;
	VALID(p, PROGRAM);
	return 0;
}
code clGetProgramBuildInfo(void *p, void *d, uint32_t what, size_t room, void *to, size_t *count) {
	RETURN_CODE;
	VALID(p, PROGRAM);
	return text("fake.cl:1: error: this compiler accepts nothing", room, to, count);
}
code clGetProgramInfo(void *p, uint32_t what, size_t room, void *to, size_t *count) {
	RETURN_CODE;
	object *o = VALID(p, PROGRAM);
	if (what == 0x1165) return answer(&o->size, sizeof o->size, room, to, count);
	memcpy(*(char **)to, o->bytes, o->size);
	return 0;
}
void *clCreateKernel(void *p, const char *name, code *err) {
	RETURN_NULL(err);
	if (!strstr(VALID(p, PROGRAM)->bytes, name)) return *err = -46, NULL;
	return make(KERNEL);
}
code clSetKernelArg(void *kernel, uint32_t i, size_t size, const void *value) {
	RETURN_CODE;
	VALID(kernel, KERNEL);
	return 0;
}
code clEnqueueNDRangeKernel(void *queue, void *kernel, uint32_t dim, size_t *offset, size_t *global, size_t *local, uint32_t n, void *wait, void *event) {
	RETURN_CODE;
	VALID(queue, QUEUE), VALID(kernel, KERNEL);
	busy = 1;
	return 0;
}
code clEnqueueReadBuffer(void *queue, void *mem, uint32_t block, size_t off, size_t size, void *to, uint32_t n, void *wait, void *event) {
	RETURN_CODE;
	VALID(queue, QUEUE);
	memcpy(to, VALID(mem, BUFFER)->bytes + off, size);
	return 0;
}
code clEnqueueWriteBuffer(void *queue, void *mem, uint32_t block, size_t off, size_t size, const void *from, uint32_t n, void *wait, void *event) {
	RETURN_CODE;
	VALID(queue, QUEUE);
	memcpy(VALID(mem, BUFFER)->bytes + off, from, size);
	busy |= !block;
	return 0;
}
code clEnqueueCopyBuffer(void *queue, void *from, void *to, size_t src, size_t dst, size_t size, uint32_t n, void *wait, void *event) {
	RETURN_CODE;
	VALID(queue, QUEUE);
	memcpy(VALID(to, BUFFER)->bytes + dst, VALID(from, BUFFER)->bytes + src, size);
	busy = 1;
	return 0;
}
void *clEnqueueMapBuffer(void *queue, void *mem, uint32_t block, uint64_t flags, size_t off, size_t size, uint32_t n, void *wait, void *event, code *err) {
	RETURN_NULL(err);
	return VALID(mem, BUFFER)->bytes + off;
}
code clEnqueueUnmapMemObject(void *queue, void *mem, void *at, uint32_t n, void *wait, void *event) {
	RETURN_CODE;
	VALID(mem, BUFFER);
	return 0;
}
code clEnqueueMarkerWithWaitList(void *queue, uint32_t n, void *wait, void **event) {
	RETURN_CODE;
	VALID(queue, QUEUE);
	*event = make(EVENT);
	return 0;
}
code clWaitForEvents(uint32_t n, void **events) {
	RETURN_CODE;
	VALID(events[0], EVENT);
	return 0;
}
code clGetEventProfilingInfo(void *event, uint32_t what, size_t room, void *to, size_t *count) {
	RETURN_CODE;
	VALID(event, EVENT);
	uint64_t now = 1000;
	return answer(&now, 8, room, to, count);
}
code clFlush(void *queue) {
	RETURN_CODE;
	VALID(queue, QUEUE);
	return 0;
}
code clFinish(void *queue) {
	RETURN_CODE;
	VALID(queue, QUEUE);
	busy = 0;
	lock();
	for (; waiting; waiting = waiting->next) discard(waiting);
	unlock();
	return 0;
}
code clReleaseContext(void *p) { return drop(p, CONTEXT, __func__); }
code clReleaseCommandQueue(void *p) { return drop(p, QUEUE, __func__); }
code clReleaseMemObject(void *p) { return drop(p, BUFFER, __func__); }
code clReleaseProgram(void *p) { return drop(p, PROGRAM, __func__); }
code clReleaseKernel(void *p) { return drop(p, KERNEL, __func__); }
code clReleaseEvent(void *p) { return drop(p, EVENT, __func__); }
