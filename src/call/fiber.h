/* fiber.h - host stacks of their own, on which calls can be parked.
 *
 *   IDLE --mo_fiber_run--> RUNS --mo_fiber_park--> PARKED --mo_fiber_run--> RUNS
 *    ^                      |
 *    +--- it returned ------+
 *
 * A fiber's function calls guests as any host code does. There, or in a host function that
 * such a guest calls, mo_fiber_park() goes back to where mo_fiber_run() was called, and the
 * next mo_fiber_run() goes on after it. What always holds:
 *   1  a fiber runs only where no call does: the thread's list of activations is empty
 *      when mo_fiber_run() is called, and when it returns;
 *   2  a parked fiber's activations are in no list, so that signal handlers do not see
 *      them; its stores' calls count as running. An interrupt that is aimed at one is
 *      noted in the store, and found when the fiber runs again;
 *   3  time limits count the time that a call is parked, but nothing wakes it when its
 *      time is up: whoever parks it sees to that (mote_store_interrupt(), then run it);
 *   4  one thread makes, runs and frees a fiber; floating-point modes are the default ones
 *      on both sides.
 * A fiber with a slice is parked by itself when a guest on it has run for that long: at any
 * instruction of the guest, or where host code returns to it or looks (preempt.c). */
#ifndef MO_CALL_FIBER_H
#define MO_CALL_FIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mo_fiber mo_fiber;
typedef void mo_fiber_function(void *data);

/* With so much stack and a guard below. NULL: memory is out. */
mo_fiber *mo_fiber_new(size_t stack_bytes);
void mo_fiber_free(mo_fiber *fiber); /* IDLE or never run; NULL is fine */

/* Calls function on the fiber or, if it is parked, goes on where it was; they are read
 * where it was idle only. True: function has returned; false: it has parked. */
bool mo_fiber_run(mo_fiber *fiber, mo_fiber_function *function, void *data);
/* From within the fiber. */
void mo_fiber_park(mo_fiber *fiber);

/* Preempted at so many ticks of a millisecond after a mo_fiber_run(), the first of which may
 * come at once; of 1 and 2, at the second. 0, as at first: never. */
void mo_fiber_set_slice(mo_fiber *fiber, uint32_t ticks);
/* Is it parked because its slice was over? */
bool mo_fiber_is_preempted(const mo_fiber *fiber);
/* As mo_fiber_park, for that reason. */
void mo_fiber_preempt(mo_fiber *fiber);

#endif
