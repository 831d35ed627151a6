/*
 * The life of a call: made in any thread, run on the engine's.
 *
 * Other threads only set wishes (cancel, pause) and post the one task, which reads them.
 * There are two references: the caller's, until it releases the call, and the engine's,
 * until the call is buried; a posted task holds one more.
 *
 * The one timer stands for whatever the state waits for: progress, the next attempt, the
 * end of a drained connection.
 */

#include "base/clock.h"
#include "base/mem.h"
#include "provider/call.h"
#include "provider/call_internal.h"

/* How long a connection may take to end after the reply did, to be of use again. */
#define DRAIN_MS 250

struct aic_call_limits aic_call_limits(const struct aic_options_chain *options)
{
	return (struct aic_call_limits){
		.connect_timeout_ms = aic_chain_int(options, "connect_timeout_ms", 10000),
		.first_event_timeout_ms = aic_chain_int(options, "first_event_timeout_ms",
							300000),
		.event_timeout_ms = aic_chain_int(options, "event_timeout_ms", 120000),
		.max_retries = aic_chain_int(options, "max_retries", 2),
		.max_retry_delay_ms = aic_chain_int(options, "max_retry_delay_ms", 60000),
		.max_reply_bytes = aic_chain_int(options, "max_reply_bytes", 32 << 20),
	};
}

static void call_unref(struct aic_call *call)
{
	if (atomic_fetch_sub_explicit(&call->refs, 1, memory_order_acq_rel) > 1)
		return;
	aic_call_forget_headers(call);
	aic_decoder_freep(&call->decoder); /* the provider may be gone */
	aic_sse_done(&call->sse);
	aic_buf_done(&call->bytes);
	aic_buf_done(&call->url);
	aic_buf_done(&call->body);
	aic_events_done(&call->events);
	aic_request_free(call->request);
	aic_target_done(&call->target);
	aic_free(call->request_id);
	aic_free(call);
}

/* --- what the caller is told --- */

int aic_call_tell(struct aic_call *call)
{
	bool failed = call->events.failed;

	if (call->events.count > 0 && !failed) {
		call->began = true;
		call->ops.events(call->user, &call->events);
	}
	aic_events_reset(&call->events);
	return failed ? AICHAT_ENOMEM : 0;
}

void aic_call_progress(struct aic_call *call)
{
	call->progressed = true;
	aic_call_deadline(call, call->limits.event_timeout_ms);
}

void aic_call_deadline(struct aic_call *call, int64_t from_now_ms)
{
	call->deadline_mono_ms = aic_clock_mono_ms() + from_now_ms;
	/* A later deadline is seen when the timer fires; an earlier one moves it, which
	 * does not fail. */
	if (call->timer.slot && call->timer.due_mono_ms > call->deadline_mono_ms)
		aic_timer_set(call->engine, &call->timer, call->deadline_mono_ms);
}

static void report(struct aic_call *call, int code, aichat_error *error)
{
	aic_call_end_reply(call);
	if (code && !error)
		error = aic_call_name_error(call, code, NULL);
	struct aic_call_result result = {
		.code = code,
		.error = error,
		.asked = call->asked,
		.began = call->began,
		.request_id = call->request_id,
		.model = call->decoder ? call->decoder->model : NULL,
		.response_id = call->decoder ? call->decoder->response_id : NULL,
	};
	atomic_store_explicit(&call->over, true, memory_order_release);
	call->ops.done(call->user, &result);
}

void aic_call_bury(struct aic_call *call)
{
	call->state = AIC_CALL_OVER;
	if (call->attempt)
		aic_attempt_cancel(AIC_TAKE(call->attempt));
	aic_key_leave(&call->key_wait);
	aic_timer_clear(call->engine, &call->timer);
	aic_closer_remove(call->engine, &call->closer);
	call_unref(call);
}

void aic_call_finish(struct aic_call *call, int code, aichat_error *error)
{
	report(call, code, error);
	if (call->state == AIC_CALL_DRAINING && call->attempt) {
		aic_attempt_pause(call->attempt, false);
		if (!aic_timer_set(call->engine, &call->timer,
				   aic_clock_mono_ms() + DRAIN_MS))
			return;
	}
	aic_call_bury(call);
}

/* --- attempts --- */

static void on_key(struct aic_key_wait *wait, int code, aichat_error *error)
{
	struct aic_call *call = (struct aic_call *)((char *)wait -
						    offsetof(struct aic_call, key_wait));

	if (code)
		aic_call_finish(call, code, error);
	else
		aic_call_send(call);
}

void aic_call_go(struct aic_call *call)
{
	aichat_error *error = NULL;

	call->state = AIC_CALL_KEY;
	call->key_wait.ready = on_key;
	int result = aic_key_get(call->engine, call->target.provider, &call->key_wait,
				 &error);
	if (result < 0)
		aic_call_finish(call, result, error);
	else if (result > 0)
		aic_call_send(call);
}

void aic_call_wait(struct aic_call *call, int64_t delay_ms, aichat_error *error)
{
	struct aichat_event *event = aic_events_add(&call->events, AICHAT_EVENT_RETRY);
	bool began = call->began;

	call->state = AIC_CALL_WAITING;
	call->retries++;
	event->error = error;
	event->attempt = (uint32_t)call->retries;
	event->delay_ms = delay_ms;
	int result = aic_call_tell(call);
	call->began = began; /* it is no part of the reply */
	if (!result)
		result = aic_timer_set(call->engine, &call->timer,
				       aic_clock_mono_ms() + delay_ms);
	aichat_error_unref(error);
	if (result)
		aic_call_finish(call, result, NULL);
}

/* --- echo --- */

static void post(struct aic_call *call);

/* One piece a turn of the engine, so that it can be stopped and paused like others. */
static void echo(struct aic_call *call)
{
	bool more = aic_echo_step(&call->echo, &call->events);
	int result = aic_call_tell(call);

	if (!result && more && call->ops.caught_up)
		call->ops.caught_up(call->user);
	if (result || !more)
		aic_call_finish(call, result, NULL);
	else
		post(call);
}

/* --- timers --- */

/* Nothing moved: the attempt ends here. */
static void time_out(struct aic_call *call)
{
	if (call->answer == AIC_ANSWER_REFUSAL) {
		aic_attempt_cancel(AIC_TAKE(call->attempt));
		aic_call_end_refusal(call);
		return;
	}
	aic_call_finish(call, AICHAT_ETIMEOUT, aic_call_timeout(call));
}

static void on_timer(struct aic_timer *timer)
{
	struct aic_call *call = (struct aic_call *)((char *)timer -
						    offsetof(struct aic_call, timer));

	switch (call->state) {
	case AIC_CALL_WAITING:
		aic_call_go(call);
		break;
	case AIC_CALL_SENT:
		if (call->paused) /* it is we who wait; going on sets it again */
			break;
		if (aic_clock_mono_ms() >= call->deadline_mono_ms)
			time_out(call);
		else if (aic_timer_set(call->engine, timer, call->deadline_mono_ms))
			aic_call_finish(call, AICHAT_ENOMEM, NULL);
		break;
	case AIC_CALL_DRAINING:
		aic_call_bury(call);
		break;
	default:
		break;
	}
}

/* --- wishes --- */

static void set_pause(struct aic_call *call, bool paused)
{
	call->paused = paused;
	if (call->state != AIC_CALL_SENT)
		return;
	if (!paused) {
		int64_t limit = call->progressed ? call->limits.event_timeout_ms
						 : call->limits.first_event_timeout_ms;
		call->deadline_mono_ms = aic_clock_mono_ms() + limit;
		if (aic_timer_set(call->engine, &call->timer, call->deadline_mono_ms)) {
			aic_call_finish(call, AICHAT_ENOMEM, NULL);
			return;
		}
	}
	/* The last: bytes that were held come now, and may end the call. */
	aic_attempt_pause(call->attempt, paused);
}

static void on_close(struct aic_closer *closer)
{
	struct aic_call *call = (struct aic_call *)((char *)closer -
						    offsetof(struct aic_call, closer));

	if (call->state == AIC_CALL_DRAINING)
		aic_call_bury(call);
	else
		aic_call_finish(call, AICHAT_ECLOSED, NULL);
}

static void begin(struct aic_call *call)
{
	aic_closer_add(call->engine, &call->closer);
	if (call->target.provider->dialect) {
		aic_call_go(call);
		return;
	}
	call->state = AIC_CALL_ECHOING;
	aic_echo_init(&call->echo, call->request);
	post(call);
}

static void obey(struct aic_call *call)
{
	if (call->state == AIC_CALL_OVER || call->state == AIC_CALL_DRAINING)
		return;
	if (atomic_load(&call->cancel_wanted)) {
		aic_call_finish(call, AICHAT_ECANCELED, NULL);
		return;
	}
	bool pause = atomic_load(&call->pause_wanted);
	if (pause != call->paused)
		set_pause(call, pause);
	if (call->state == AIC_CALL_NEW)
		begin(call);
	else if (call->state == AIC_CALL_ECHOING && !call->paused)
		echo(call);
}

static void on_task(struct aic_task *task)
{
	struct aic_call *call = (struct aic_call *)((char *)task -
						    offsetof(struct aic_call, task));

	/* From here on a wish posts again. */
	atomic_store(&call->posted, false);
	obey(call);
	call_unref(call);
}

static void post(struct aic_call *call)
{
	if (atomic_load_explicit(&call->over, memory_order_acquire) ||
	    atomic_exchange(&call->posted, true))
		return;
	atomic_fetch_add_explicit(&call->refs, 1, memory_order_relaxed);
	aic_engine_post(call->engine, &call->task);
}

void aic_call_cancel(struct aic_call *call)
{
	atomic_store(&call->cancel_wanted, true);
	post(call);
}

void aic_call_pause(struct aic_call *call, bool paused)
{
	atomic_store(&call->pause_wanted, paused);
	post(call);
}

struct aic_call *aic_call_release(struct aic_call *call)
{
	if (call)
		call_unref(call);
	return NULL;
}

/* --- the start --- */

static int prepare(struct aic_call *call, const struct aic_target *target,
		   aichat_error **reterr)
{
	call->target.model = aic_strdup(target->model);
	if (!call->request || !call->target.model)
		return aic_error_nomem(reterr);
	call->profile = aic_target_profile(&call->target);
	int result = aic_target_check_key(&call->target, reterr);
	if (!result && target->provider->dialect)
		result = aic_call_encode(call, reterr);
	return result;
}

int aic_call_start(struct aic_engine *engine, const struct aic_target *target,
		   struct aic_request *request, const struct aic_call_raw *raw,
		   const struct aic_call_limits *limits, const struct aic_call_ops *ops,
		   void *user, struct aic_call **ret_call, aichat_error **reterr)
{
	struct aic_call *call = aic_new(struct aic_call);

	if (!call) {
		aic_request_free(request);
		return aic_error_nomem(reterr);
	}
	call->engine = engine;
	call->target.provider = target->provider;
	call->target.info = target->info;
	call->request = request;
	if (raw)
		call->raw = *raw;
	call->limits = *limits;
	call->ops = *ops;
	call->user = user;
	call->task.run = on_task;
	call->timer.fire = on_timer;
	call->closer.close = on_close;
	aic_sse_init(&call->sse, AIC_SSE_EVENT_MAX);
	atomic_store(&call->refs, 1);
	int result = prepare(call, target, reterr);
	if (result) {
		call_unref(call);
		return result;
	}
	atomic_fetch_add(&call->refs, 1); /* the engine's */
	*ret_call = call;
	post(call);
	return 0;
}
