#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "chat/exchange.h"

int aic_exchange_open(struct aic_core *core, enum aichat_exchange_kind kind,
		      const struct aic_dialect *dialect, struct aic_str body,
		      struct aichat_exchange **ret_exchange, aichat_error **reterr)
{
	AIC_CLEANUP(aic_exchange_unrefp)
	struct aichat_exchange *x = aic_new(struct aichat_exchange);

	if (!x)
		return aic_error_nomem(reterr);
	x->refs = 1;
	pthread_mutex_init(&x->lock, NULL);
	aic_cond_init(&x->changed);
	x->core = aic_core_ref(core);
	x->kind = kind;
	x->dialect = dialect;
	x->used = AIC_USAGE_UNKNOWN;
	x->body = aic_strndup(body.data, body.len);
	x->body_len = body.len;
	if (!x->body)
		return aic_error_nomem(reterr);
	int rc = aic_exchange_read(x, reterr);
	if (rc < 0)
		return rc;
	*ret_exchange = AIC_TAKE(x);
	return 0;
}

void aic_exchange_unref(struct aichat_exchange *x)
{
	if (atomic_fetch_sub_explicit(&x->refs, 1, memory_order_acq_rel) > 1)
		return;
	if (x->encoder)
		x->dialect->encoder_free(x->encoder);
	aichat_message_unref(x->message);
	aic_request_free(x->request);
	aic_target_done(&x->target);
	aic_buf_done(&x->model.insert);
	aic_buf_done(&x->usage.insert);
	aic_buf_done(&x->staged);
	aic_buf_done(&x->last);
	aic_buf_done(&x->ready);
	aic_buf_done(&x->given);
	aichat_error_unref(x->error);
	pthread_cond_destroy(&x->changed);
	pthread_mutex_destroy(&x->lock);
	aic_core_unref(x->core);
	aic_free(x->model_name);
	aic_free(x->asked);
	aic_free(x->body);
	aic_free(x->version);
	aic_free(x->beta);
	aic_free(x->request_id);
	aic_free(x);
}

/* ---- the start ---- */

static int answer_count(struct aichat_exchange *x, aichat_error **reterr)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf document = aic_buf(0);

	aic_buf_puts(&document, "{\"input_tokens\":");
	aic_buf_put_int(&document, x->input_estimate);
	aic_buf_puts(&document, "}");
	if (document.error)
		return aic_error_nomem(reterr);
	aic_exchange_answer(x, aic_buf_str(&document));
	return 0;
}

static struct aic_request *take_request(struct aichat_exchange *x)
{
	struct aic_request *request = x->forwards ? aic_request_new()
						  : AIC_TAKE(x->request);

	if (request)
		request->stream = x->stream;
	return request;
}

static int ask(struct aichat_exchange *x, aichat_error **reterr)
{
	struct aic_request *request = take_request(x);

	if (!request)
		return aic_error_nomem(reterr);
	x->translates = !x->forwards;
	x->raw.version = x->version;
	x->raw.beta = x->beta;
	x->raw.body = aic_exchange_body;
	atomic_fetch_add_explicit(&x->refs, 1, memory_order_relaxed);
	/* With the lock held: what the call tells waits until x->call is set. */
	pthread_mutex_lock(&x->lock);
	int rc = aic_call_start(x->core->engine, &x->target, request,
				x->forwards ? &x->raw : NULL, &x->core->call_limits,
				&aic_exchange_ops, x, &x->call, reterr);
	pthread_mutex_unlock(&x->lock);
	if (rc < 0)
		aic_exchange_unref(x);
	return rc;
}

int aic_exchange_start(struct aichat_exchange *x, aichat_error **reterr)
{
	aichat_error *error = NULL;

	pthread_mutex_lock(&x->lock);
	bool again = x->started, cancelled = x->cancelled;
	x->started = true;
	pthread_mutex_unlock(&x->lock);
	if (again)
		return aic_error_set(reterr, AICHAT_ESTATE,
				     "the exchange was started before");
	int rc = cancelled ? aic_error_code(&error, AICHAT_ECANCELED, "the exchange")
			   : aic_core_start(x->core, &error);
	if (rc == 0)
		rc = x->kind == AICHAT_EXCHANGE_COUNT_TOKENS && !x->forwards
			     ? answer_count(x, &error)
			     : ask(x, &error);
	if (rc == 0)
		return 0;
	pthread_mutex_lock(&x->lock);
	x->ended = true;
	x->code = rc;
	x->error = aichat_error_ref(error);
	pthread_mutex_unlock(&x->lock);
	return aic_error_pass(reterr, error);
}

/* ---- the answer ---- */

/* What is ready becomes what is given. With the lock held. */
static int take_ready(struct aichat_exchange *x, struct aic_str *ret,
		      aichat_error **reterr)
{
	struct aic_buf spent = x->given;

	aic_buf_reset(&spent);
	x->given = x->ready;
	x->ready = spent;
	if (x->paused && x->call) {
		x->paused = false;
		aic_call_pause(x->call, false);
	}
	if (x->given.error)
		return aic_error_code(reterr, x->given.error, "the answer");
	x->begun = true;
	*ret = aic_buf_str(&x->given);
	return 1;
}

/* It failed: once as a frame where a stream has begun, else as what it is. */
static int take_failure(struct aichat_exchange *x, struct aic_str *ret,
			aichat_error **reterr)
{
	if (x->failed)
		return 0;
	if (!x->stream || !x->begun || x->cancelled)
		return aic_error_pass(reterr, aichat_error_ref(x->error));
	aic_buf_reset(&x->given);
	int rc = aic_exchange_put_error(x, x->error, &x->given);
	if (rc < 0)
		return aic_error_code(reterr, rc, "the answer");
	x->failed = true;
	*ret = aic_buf_str(&x->given);
	return 1;
}

int aic_exchange_next(struct aichat_exchange *x, int64_t timeout_ms, struct aic_str *ret,
		      aichat_error **reterr)
{
	int64_t deadline = timeout_ms > 0 ? aic_clock_mono_ms() + timeout_ms : -1;
	bool time_left = timeout_ms != 0;
	int rc = 0;

	pthread_mutex_lock(&x->lock);
	x->waiting = true;
	while (x->started && !x->ready.len && !x->ended && time_left)
		time_left = aic_cond_wait_until(&x->changed, &x->lock, deadline);
	x->waiting = false;
	if (!x->started)
		rc = aic_error_set(reterr, AICHAT_ESTATE, "the exchange was not started");
	else if (x->ended && x->code && (x->cancelled || !x->ready.len))
		rc = take_failure(x, ret, reterr);
	else if (x->ready.len)
		rc = take_ready(x, ret, reterr);
	else if (!x->ended)
		rc = aic_error_code(reterr, AICHAT_EAGAIN, "the answer");
	pthread_mutex_unlock(&x->lock);
	return rc;
}

bool aic_exchange_is_over(struct aichat_exchange *x)
{
	pthread_mutex_lock(&x->lock);
	bool over = x->ended && !x->ready.len && (!x->code || x->failed);
	pthread_mutex_unlock(&x->lock);
	return over;
}

void aic_exchange_cancel(struct aichat_exchange *x)
{
	pthread_mutex_lock(&x->lock);
	x->cancelled = x->cancelled || !x->ended;
	if (x->call)
		aic_call_cancel(x->call);
	pthread_mutex_unlock(&x->lock);
}
