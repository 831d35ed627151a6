/*
 * Verify: what must hold in every store, whatever the backend. Messages have the digest
 * that they were sealed with; an open one belongs to a reply that is not over; a reply
 * has one end, or a living owner, or waits; its log has no gap and ends where it does.
 */

#include "base/hash.h"
#include "base/mem.h"
#include "store/store_internal.h"

/* A process may die between the folding and the look at its reply. */
#define ATTEMPTS 5

struct verify {
	struct aic_verifier verifier; /* first */
	struct aic_store *store;
	struct aic_session *session;
	bool again; /* a running reply whose owner is dead */
};

static int wrong(struct verify *verify, const char *what, const struct aic_id *id,
		 const char *why, aichat_error **reterr)
{
	char text[AIC_ID_TEXT];

	return aic_error_set(reterr, AICHAT_ESTORECORRUPT, "%s: %s %s %s",
			     aic_store_name(verify->store), what, aic_id_text(id, text),
			     why);
}

static int check_message(struct aic_verifier *verifier,
			 const struct aichat_message *message,
			 const unsigned char *digest, const struct aic_reply_row *reply,
			 aichat_error **reterr)
{
	struct verify *verify = (struct verify *)verifier;
	unsigned char now[AIC_DIGEST_BYTES];

	if (message->state == AICHAT_MESSAGE_OPEN) {
		if (digest)
			return wrong(verify, "message", &message->id,
				     "is open and has a digest", reterr);
		if (!reply || reply->state >= AICHAT_REPLY_COMPLETE)
			return wrong(verify, "message", &message->id,
				     "is open and nobody writes it", reterr);
		return 0;
	}
	if (!digest)
		return wrong(verify, "message", &message->id, "has no digest", reterr);
	if (aic_message_digest(message, now) < 0)
		return aic_error_nomem(reterr);
	if (memcmp(now, digest, sizeof(now)) != 0)
		return wrong(verify, "message", &message->id,
			     "is not what was stored: its digest differs", reterr);
	return 0;
}

static bool is_terminal(const struct aichat_event *event)
{
	return event->type == AICHAT_EVENT_DONE || event->type == AICHAT_EVENT_ERROR;
}

static int check_log(struct verify *verify, const char *owner,
		     const struct aic_reply_row *row, aichat_error **reterr)
{
	bool over = row->state >= AICHAT_REPLY_COMPLETE;
	bool ended = false;
	uint64_t seq = 0;

	for (;;) {
		AIC_CLEANUP(aic_event_list_done) struct aic_event_list list = { 0 };
		int rc = verify->session->backend->ops->events(
			verify->session, owner, &row->id, seq, &list, reterr);
		if (rc < 0)
			return rc;
		for (size_t i = 0; i < list.count; i++) {
			const struct aichat_event *event = list.items[i];
			if (event->seq != ++seq)
				return wrong(verify, "reply", &row->id,
					     "has a gap in its log", reterr);
			if (ended)
				return wrong(verify, "reply", &row->id,
					     "goes on after its last event", reterr);
			ended = is_terminal(event);
			if (ended && event->state && event->state != row->state)
				return wrong(verify, "reply", &row->id,
					     "ended in another state than its log",
					     reterr);
		}
		if (!list.count)
			break;
	}
	if (ended != over)
		return wrong(verify, "reply", &row->id,
			     over ? "is over, but its log has no last event"
				  : "is not over, but its log has a last event",
			     reterr);
	if (seq != row->last_seq)
		return wrong(verify, "reply", &row->id, "lacks the end of its log",
			     reterr);
	return 0;
}

static int check_reply(struct aic_verifier *verifier, const char *owner,
		       const struct aic_reply_row *row, bool has_log,
		       aichat_error **reterr)
{
	struct verify *verify = (struct verify *)verifier;
	bool over = row->state >= AICHAT_REPLY_COMPLETE;

	if (row->state < AICHAT_REPLY_QUEUED || row->state > AICHAT_REPLY_FAILED)
		return wrong(verify, "reply", &row->id, "has no known state", reterr);
	if (over != (row->ended_unix_ms != 0))
		return wrong(verify, "reply", &row->id,
			     over ? "is over, but did not end"
				  : "has ended, but is not over",
			     reterr);
	if (row->state == AICHAT_REPLY_RUNNING && !row->alive) {
		verify->again = true;
		return wrong(verify, "reply", &row->id, "runs, but its owner is dead",
			     reterr);
	}
	if (has_log)
		return check_log(verify, owner, row, reterr);
	if (!over)
		return wrong(verify, "reply", &row->id, "is not over and has no log",
			     reterr);
	return 0;
}

int aic_store_verify(struct aic_store *store, aichat_error **reterr)
{
	struct verify verify = {
		.verifier = { .message = check_message, .reply = check_reply },
		.store = store,
	};
	int rc = aic_store_verify_audit(store, NULL, reterr);

	if (rc < 0)
		return rc;
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		AIC_CLEANUP(aichat_error_unrefp) aichat_error *error = NULL;
		verify.again = false;
		rc = aic_store_read_begin(store, &verify.session, &error);
		if (rc == 0) {
			rc = store->backend->ops->verify(verify.session, &verify.verifier,
							 &error);
			aic_store_read_end(store, verify.session);
		}
		if (rc < 0 && !(verify.again && attempt + 1 < ATTEMPTS))
			return aic_error_pass(reterr, AIC_TAKE(error));
		if (rc == 0)
			return 0;
	}
	return rc;
}
