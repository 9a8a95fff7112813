/* SPDX-License-Identifier: BSD-2-Clause */
/* test_work_queue.c - how much work one iteration of the loop does, and in
 * which order. */
#include "tests.h"

#include "alloc.h"

#include "base/work_queue.h"

enum { PIECES = 6 };

struct piece {
	struct work_item work_item;
	char name;
	uint64_t takes_ns;
	unsigned again; /* times that it adds itself to the queue again */
	struct piece *cancels;
	bool closes;
};

static struct world {
	uv_loop_t loop;
	struct work_queue *work_queue;
	struct piece pieces[PIECES];
	char done[64]; /* names, and '|' at the end of each iteration */
	size_t used;
} w;

static void note(char what)
{
	assert_true(w.used < sizeof(w.done) - 1);
	w.done[w.used++] = what;
	w.done[w.used] = '\0';
}

static void run(struct work_item *work_item)
{
	struct piece *piece = container_of(work_item, struct piece, work_item);
	uint64_t end_ns = uv_hrtime() + piece->takes_ns;

	note(piece->name);
	while (uv_hrtime() < end_ns)
		continue;
	if (piece->cancels)
		work_item_cancel(&piece->cancels->work_item);
	if (piece->again) {
		piece->again--;
		work_queue_add(w.work_queue, work_item);
	}
	if (piece->closes)
		work_queue_unref(&w.work_queue);
}

static void open_world(void)
{
	memset(&w, 0, sizeof(w));
	assert_int_equal(uv_loop_init(&w.loop), 0);
	assert_int_equal(work_queue_ref(&w.loop, &w.work_queue), MTS_OK);
	for (size_t i = 0; i < PIECES; i++) {
		w.pieces[i].name = (char)('a' + i);
		work_item_init(&w.pieces[i].work_item, run);
	}
}

static void close_world(void)
{
	work_queue_unref(&w.work_queue);
	assert_null(w.work_queue);
	uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w.loop), 0);
}

/* Runs until nothing is left; then nothing may keep the loop awake. */
static void run_all(void)
{
	uv_run(&w.loop, UV_RUN_DEFAULT);
}

/* The same, and notes where an iteration ends. (Other tests can't know, as the
 * machine may be busy.) */
static void run_turns(void)
{
	while (uv_run(&w.loop, UV_RUN_NOWAIT))
		note('|');
}

static void add(unsigned piece)
{
	work_queue_add(w.work_queue, &w.pieces[piece].work_item);
}

static void add_new(unsigned piece)
{
	work_queue_add_new(w.work_queue, &w.pieces[piece].work_item);
}

static void in_order(void **state)
{
	(void)state;
	open_world();
	add(0);
	add(1);
	add(0);                          /* is in the queue already */
	assert_string_equal(w.done, ""); /* not from inside the call */
	run_all();
	assert_string_equal(w.done, "ab");
	add(0); /* the queue had stopped */
	run_all();
	assert_string_equal(w.done, "aba");
	close_world();
}

/* Work under way runs before new work, even if it was added later. */
static void new_last(void **state)
{
	(void)state;
	open_world();
	add_new(0);
	add_new(1);
	add(2);
	w.pieces[2].again = 2;
	run_all();
	assert_string_equal(w.done, "cccab");
	close_world();
}

/* But new work does begin, even if there always is work under way. */
static void new_in_time(void **state)
{
	(void)state;
	open_world();
	add_new(0);
	add_new(1);
	w.pieces[2].again = 19;
	add(2);
	for (unsigned i = 0; i < 3; i++) /* an iteration each */
		w.pieces[i].takes_ns = 600 * 1000;
	run_all();
	assert_string_equal(w.done, "cccccccc"
	                            "acccccccc"
	                            "bcccc");
	close_world();
}

/* An iteration works for half a millisecond, but runs at least one item. */
static void one_long(void **state)
{
	(void)state;
	open_world();
	for (unsigned i = 0; i < 3; i++) {
		w.pieces[i].takes_ns = 600 * 1000;
		add(i);
	}
	run_turns();
	assert_string_equal(w.done, "a|b|c");
	close_world();
}

/* An item that adds itself over and over does not block the loop. */
static void endless(void **state)
{
	(void)state;
	open_world();
	w.pieces[0].again = 3;
	w.pieces[0].takes_ns = 600 * 1000;
	add(0);
	run_turns();
	assert_string_equal(w.done, "a|a|a|a");
	close_world();
}

static void cancelled(void **state)
{
	(void)state;
	open_world();
	w.pieces[0].cancels = &w.pieces[1];
	add(0);
	add(1);
	add_new(2);
	work_item_cancel(&w.pieces[2].work_item);
	work_item_cancel(&w.pieces[3].work_item); /* in no queue */
	run_all();
	assert_string_equal(w.done, "a");
	close_world();
}

/* All users on one loop share a queue, and the last one closes it, even from
 * one of its items. */
static void shared(void **state)
{
	struct work_queue *other = NULL;
	uv_loop_t loop;

	(void)state;
	open_world();
	assert_int_equal(work_queue_ref(&w.loop, &other), MTS_OK);
	assert_ptr_equal(other, w.work_queue);
	work_queue_unref(&other);
	assert_null(other);
	work_queue_unref(&other);
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(work_queue_ref(&loop, &other), MTS_OK);
	assert_ptr_not_equal(other, w.work_queue);
	work_queue_unref(&other);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	w.pieces[0].closes = true;
	add(0);
	run_all();
	assert_string_equal(w.done, "a");
	close_world();
}

static void no_memory(void **state)
{
	struct work_queue *work_queue = NULL;
	uv_loop_t loop;

	(void)state;
	assert_int_equal(uv_loop_init(&loop), 0);
	alloc_fail_at(1);
	assert_int_equal(work_queue_ref(&loop, &work_queue), MTS_ENOMEM);
	alloc_fail_at(0);
	assert_null(work_queue);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),    cmocka_unit_test(new_last),
		cmocka_unit_test(new_in_time), cmocka_unit_test(one_long),
		cmocka_unit_test(endless),     cmocka_unit_test(cancelled),
		cmocka_unit_test(shared),      cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
