/*
 * What contexts cost while they are there, and that nothing is left when they are gone.
 *
 * The heap is what malloc says; what is resident are the pages that the kernel counts
 * for this process alone, so that stacks and malloc's own waste are seen as well.
 */

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUITE_MAIN(argc, argv) ((void)(argc), without_caches(argv))
static void without_caches(char **argv);

#include "suite.h"

/* A sanitizer's malloc keeps no such books, and is slow. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#define TIMES 500
#else
#define SANITIZED 0
#define TIMES 10000
#endif

#define CONTEXTS 32
#define KIB 1024

enum use {
	OPENED,
	READ_FROM,
	ANSWERED
};
static const char *const use_names[] = { "opened", "read from", "answered" };

static size_t heap_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static size_t resident_bytes(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "r");
	char line[256];
	size_t kib = 0;

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Anonymous: %zu kB", &kib) == 1)
			break;
	fclose(file);
	return kib * KIB;
}

/* What the thousandth program does between opening and closing. */
static void use_it(aichat *ai, enum use use)
{
	aichat_list *list = NULL;
	struct heard heard = { 0 };

	if (use >= READ_FROM) {
		expect(aichat_conversation_list(ai, NULL, 10, &list, &error), 0);
		aichat_list_unref(list);
	}
	if (use < ANSWERED)
		return;
	aichat_conversation *conv = new_conversation(ai, NULL);
	hear_done(send_text(conv, "Hello.", NULL), &heard, AICHAT_REPLY_COMPLETE);
	heard_done(&heard);
	aichat_conversation_unref(conv);
}

static aichat *open_echo(const char *store)
{
	return open_with(bag("store", store, "model", "echo", NULL));
}

/*
 * A context costs so much at most, on the heap and in memory of the process. Each
 * measurement is a test of its own: what an earlier one gave back would hide pages.
 */
static void check_cost(bool on_disk, enum use use, size_t most_kib)
{
	aichat *contexts[CONTEXTS + 1];
	size_t heap = 0, resident = 0;

	for (size_t i = 0; i <= CONTEXTS; i++) {
		char name[32];
		snprintf(name, sizeof(name), "cost-%zu.db", i);
		contexts[i] = open_echo(on_disk ? support_path(name) : "memory:");
		use_it(contexts[i], use);
		if (i > 0)
			continue;
		/* What the first one made once and for all is nobody's. */
		heap = heap_bytes();
		resident = resident_bytes();
	}
	heap = (heap_bytes() - heap) / CONTEXTS;
	resident = (resident_bytes() - resident) / CONTEXTS;
	for (size_t i = 0; i <= CONTEXTS; i++)
		aichat_close(contexts[i]);
	if (SANITIZED)
		return;
	printf("%s, %s: %zu KiB of heap, %zu KiB resident\n",
	       on_disk ? "SQLite" : "memory", use_names[use], heap / KIB, resident / KIB);
	ck_assert_uint_gt(heap, 8 * KIB);
	ck_assert_uint_le(heap, most_kib * KIB);
	ck_assert_uint_le(resident, most_kib * KIB);
}

START_TEST(memory_opened)
{
	check_cost(false, OPENED, 64);
}
END_TEST

/* Its tables are there. */
START_TEST(memory_read_from)
{
	check_cost(false, READ_FROM, 128);
}
END_TEST

START_TEST(disk_opened)
{
	check_cost(true, OPENED, 384);
}
END_TEST

START_TEST(disk_read_from)
{
	check_cost(true, READ_FROM, 384);
}
END_TEST

/* Two threads more, and every statement that a reply needs. */
START_TEST(memory_answered)
{
	check_cost(false, ANSWERED, 256);
}
END_TEST

START_TEST(disk_answered)
{
	check_cost(true, ANSWERED, 512);
}
END_TEST

/* Again and again; the fixture counts descriptors and threads. */
static void check_again(const char *path, enum use use, int times)
{
	char store[512];
	size_t before = 0;

	snprintf(store, sizeof(store), "%s", path);
	for (int i = 0; i < times; i++) {
		/* By then every library has made what it makes once and for all. */
		if (i == times / 10)
			before = heap_bytes();
		aichat *ai = open_echo(store);
		use_it(ai, use);
		ck_assert_ptr_null(aichat_close(ai));
	}
	/* Not one byte. */
	if (!SANITIZED)
		ck_assert_uint_eq(heap_bytes(), before);
}

START_TEST(again_in_memory)
{
	check_again("memory:", OPENED, TIMES / 2);
}
END_TEST

START_TEST(again_on_disk)
{
	check_again(support_path("again.db"), OPENED, TIMES / 2);
}
END_TEST

START_TEST(again_read_from)
{
	check_again(support_path("again.db"), READ_FROM, TIMES / 20);
}
END_TEST

START_TEST(again_answered)
{
	check_again("memory:", ANSWERED, TIMES / 20);
}
END_TEST

/* Of malloc's own caches: they would be counted as in use. Read when a process starts. */
static void without_caches(char **argv)
{
	static const char tunables[] = "glibc.malloc.tcache_count=0"
				       ":glibc.malloc.arena_max=1";

	if (getenv("GLIBC_TUNABLES"))
		return;
	setenv("GLIBC_TUNABLES", tunables, 1);
	execv("/proc/self/exe", argv);
}

SUITE("footprint", memory_opened, memory_read_from, memory_answered, disk_opened,
      disk_read_from, disk_answered, again_in_memory, again_on_disk, again_read_from,
      again_answered)
