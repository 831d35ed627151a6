/*
 * The projection, message by message. The rules are those that providers enforce with a
 * 400, and each is one function below: what may stay of a message, which results a set of
 * tool calls needs, what ids are taken, which roles may follow each other.
 */

#include "base/mem.h"
#include "chat/projection.h"
#include "chat/tool_ids.h"
#include "model/builder.h"

#define NOT_RUN "The call was interrupted: there is no result."
#define BRIDGE "Understood."

struct projection {
	const struct aic_dialect *dialect;
	const struct aic_profile *profile;
	struct aic_request *request;
	struct aic_report *report;
	struct aic_tool_ids ids;
	bool last_is_ours; /* the last message of the request is a copy that may be
			      changed */
};

static bool is_messages(const struct projection *p)
{
	return aic_streq(p->dialect->name, "anthropic-messages");
}

static void report(const struct projection *p, const char *line)
{
	if (p->report)
		aic_report_add(p->report, "%s", line);
}

/* ---- output ---- */

static struct aichat_message *last_message(const struct projection *p)
{
	size_t count = p->request->message_count;

	return count ? p->request->messages[count - 1] : NULL;
}

static int append_parts(struct aichat_message *to, const struct aichat_message *from)
{
	for (size_t i = 0; i < from->part_count; i++) {
		struct aichat_part *part = aic_message_add_part(to, from->parts[i].type);
		if (!part)
			return AICHAT_ENOMEM;
		if (aic_part_copy(part, &from->parts[i]) < 0)
			return AICHAT_ENOMEM;
	}
	return 0;
}

static int push(struct projection *p, struct aichat_message *message, bool ours)
{
	p->last_is_ours = ours;
	return aic_request_add_message(p->request, message);
}

/* Behind what is there: turns of one role are one message. */
static int emit(struct projection *p, struct aichat_message *message, bool ours)
{
	struct aichat_message *last = last_message(p);
	bool merge = last && last->role == message->role &&
		     (last->role == AICHAT_ROLE_USER ||
		      last->role == AICHAT_ROLE_ASSISTANT) &&
		     !aic_message_has(last, AICHAT_PART_TOOL_CALL) &&
		     (last->role == AICHAT_ROLE_USER ||
		      aic_streq(last->provider, message->provider));

	if (!message->part_count)
		return 0;
	if (!merge)
		return push(p, message, ours);
	if (!p->last_is_ours) {
		struct aichat_message *copy = aic_message_copy(last);
		if (!copy)
			return AICHAT_ENOMEM;
		p->request->messages[p->request->message_count - 1] = copy;
		aichat_message_unref(last);
		p->last_is_ours = true;
		last = copy;
	}
	return append_parts(last, message);
}

static int emit_text(struct projection *p, enum aichat_role role, const char *text)
{
	AIC_CLEANUP(aichat_message_unrefp)
	struct aichat_message *message = aic_message_new(role);

	if (!message || aic_message_add_text(message, aic_str(text)) < 0)
		return AICHAT_ENOMEM;
	message->state = AICHAT_MESSAGE_SEALED;
	return emit(p, message, true);
}

/* ---- what may stay ---- */

/* A dated name is the model that it dates: "gpt-5.6" and "gpt-5.6-2026-08-01". */
static bool same_model(const char *a, const char *b)
{
	size_t len_a = a ? strlen(a) : 0;
	size_t len_b = b ? strlen(b) : 0;
	size_t shorter = AIC_MIN(len_a, len_b);

	if (!shorter || strncmp(a, b, shorter) != 0)
		return false;
	return len_a == len_b || (len_a > len_b ? a : b)[shorter] == '-';
}

/* Whether the target wrote it, or may be told that it did. */
static bool is_own(const struct projection *p, const struct aichat_message *message)
{
	if (!aic_streq(message->dialect, p->dialect->name))
		return false;
	/* A caller's own history: it knows where it has it from. */
	if (!message->provider)
		return true;
	return aic_streq(message->provider, p->profile->provider);
}

static bool keeps_reasoning(const struct projection *p,
			    const struct aichat_message *message, size_t at)
{
	const struct aichat_part *part = &message->parts[at];
	uint32_t plain = AIC_QUIRK_REPLAY_REASONING | AIC_QUIRK_UNSIGNED_THINKING;

	if (!is_own(p, message))
		return false;
	if (message->provider && !same_model(message->model, p->profile->model))
		return false;
	if (!part->raw.data && !(p->profile->quirks & plain))
		return false;
	/* Reasoning stays with what it led to. */
	for (size_t i = at + 1; i < message->part_count; i++)
		if (message->parts[i].type != AICHAT_PART_REASONING)
			return true;
	return false;
}

enum verdict {
	KEEP,
	DROP,
	CHANGE, /* kept, in another form */
};

static bool takes_media(const struct projection *p, const struct aichat_part *part,
			enum aichat_role role)
{
	if (part->type == AICHAT_PART_AUDIO && is_messages(p))
		return false;
	if (role == AICHAT_ROLE_ASSISTANT)
		return part->type == AICHAT_PART_AUDIO; /* by its id, to its maker */
	if (part->type == AICHAT_PART_IMAGE && (p->profile->quirks & AIC_QUIRK_NO_IMAGES))
		return false;
	if (part->type == AICHAT_PART_IMAGE && !part->data.data &&
	    (p->profile->quirks & AIC_QUIRK_INLINE_IMAGES))
		return false;
	return true;
}

static bool is_text_file(const struct aichat_part *part)
{
	return part->type == AICHAT_PART_FILE && part->data.data && part->media_type &&
	       strncmp(part->media_type, "text/", 5) == 0;
}

static enum verdict judge(const struct projection *p,
			  const struct aichat_message *message, size_t at)
{
	const struct aichat_part *part = &message->parts[at];

	switch (part->type) {
	case AICHAT_PART_TEXT:
		return part->text.len ? KEEP : DROP;
	case AICHAT_PART_REASONING:
		return keeps_reasoning(p, message, at) ? KEEP : DROP;
	case AICHAT_PART_TOOL_CALL:
	case AICHAT_PART_TOOL_RESULT:
		return KEEP;
	case AICHAT_PART_IMAGE:
	case AICHAT_PART_AUDIO:
	case AICHAT_PART_FILE:
		if (is_text_file(part) && !is_messages(p))
			return CHANGE;
		return takes_media(p, part, message->role) ? KEEP : CHANGE;
	case AICHAT_PART_REFUSAL:
		if (!part->text.len)
			return DROP;
		return is_messages(p) || !is_own(p, message) ? CHANGE : KEEP;
	case AICHAT_PART_COMPACTION:
	case AICHAT_PART_UNKNOWN:
		return is_own(p, message) ? KEEP : DROP;
	case AICHAT_PART_SOURCE:
		return DROP;
	}
	return DROP;
}

static const char *dropped(enum aichat_part_type type)
{
	switch (type) {
	case AICHAT_PART_REASONING:
		return "reasoning of another model was left out";
	case AICHAT_PART_UNKNOWN:
		return "a part that only its provider understands was left out";
	case AICHAT_PART_COMPACTION:
		return "a compaction of another provider was left out";
	default:
		return NULL; /* empty, or told to people only */
	}
}

/* In place of what the target cannot take: words. */
static int add_replacement(const struct projection *p, struct aichat_message *to,
			   const struct aichat_part *part)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf text = aic_buf(0);
	const char *name = part->name ? part->name : part->url;

	if (part->type == AICHAT_PART_REFUSAL)
		return aic_message_add_text(to, aic_string_str(&part->text));
	if (is_text_file(part)) {
		if (part->name)
			aic_buf_printf(&text, "%s:\n", part->name);
		aic_buf_append(&text, part->data.data, part->data.len);
	} else {
		aic_buf_printf(&text, "[%s%s%s]", aichat_part_type_name((int)part->type),
			       name ? ": " : "", name ? name : "");
		if (p->report)
			aic_report_add(p->report,
				       "the model takes no %s here: a note stands for it",
				       aichat_part_type_name((int)part->type));
	}
	return text.error ? text.error : aic_message_add_text(to, aic_buf_str(&text));
}

/* The message as the target may have it; *ret_ours tells whether that is a copy. */
static int trim(const struct projection *p, struct aichat_message *message,
		struct aichat_message **ret_message, bool *ret_ours)
{
	bool same = true;

	for (size_t i = 0; i < message->part_count && same; i++)
		same = judge(p, message, i) == KEEP;
	*ret_ours = !same;
	if (same) {
		*ret_message = aichat_message_ref(message);
		return 0;
	}
	struct aichat_message *copy = aic_message_new(message->role);
	if (!copy)
		return AICHAT_ENOMEM;
	int rc = aic_message_copy_origin(copy, message);
	for (size_t i = 0; i < message->part_count && rc == 0; i++) {
		const struct aichat_part *part = &message->parts[i];
		enum verdict verdict = judge(p, message, i);
		if (verdict == CHANGE) {
			rc = add_replacement(p, copy, part);
		} else if (verdict == KEEP) {
			struct aichat_part *kept = aic_message_add_part(copy, part->type);
			rc = kept ? aic_part_copy(kept, part) : AICHAT_ENOMEM;
		} else if (dropped(part->type)) {
			report(p, dropped(part->type));
		}
	}
	if (rc < 0)
		copy = aichat_message_unref(copy);
	*ret_message = copy;
	return rc;
}

/* ---- tool calls ---- */

/* Among the messages up to the next answer, whatever stands between. */
static const struct aichat_part *find_result(struct aichat_message *const *messages,
					     size_t count, const char *id)
{
	for (size_t m = 0; m < count && messages[m]->role != AICHAT_ROLE_ASSISTANT; m++)
		for (size_t i = 0; i < messages[m]->part_count; i++) {
			const struct aichat_part *part = &messages[m]->parts[i];
			if (part->type == AICHAT_PART_TOOL_RESULT &&
			    aic_streq(part->id, id))
				return part;
		}
	return NULL;
}

static int add_result(struct aichat_message *to, const struct aichat_part *found,
		      const char *id, const char *name)
{
	struct aichat_part *result = aic_message_add_part(to, AICHAT_PART_TOOL_RESULT);

	if (!result)
		return AICHAT_ENOMEM;
	if (found) {
		int rc = aic_part_copy(result, found);
		if (rc < 0)
			return rc;
		/* Its raw names the id that it had. */
		if (!aic_streq(result->id, id))
			aic_string_done(&result->raw);
		aic_free(result->id);
	} else {
		result->is_error = true;
		result->name = aic_strdup(name);
		struct aichat_part *text = aic_part_add_part(result, AICHAT_PART_TEXT);
		if (!text || aic_string_set(&text->text, AIC_STR(NOT_RUN)) < 0)
			return AICHAT_ENOMEM;
	}
	result->id = aic_strdup(id);
	return result->id ? 0 : AICHAT_ENOMEM;
}

static bool is_object(struct aic_str text)
{
	struct aic_json doc = { 0 };
	bool object = aic_json_scan(&doc, text.data, text.len, &aic_json_wire) == 0 &&
		      aic_json_type(&doc, 0) == AIC_JSON_OBJECT;

	aic_json_done(&doc);
	return object;
}

/*
 * The calls of an answer with ids that the target takes, and the message with a result
 * for each, in their order.
 */
static int answer_calls(struct projection *p, struct aichat_message *message,
			struct aichat_message *const *following, size_t count,
			struct aichat_message *results)
{
	for (size_t i = 0; i < message->part_count; i++) {
		struct aichat_part *call = &message->parts[i];
		if (call->type != AICHAT_PART_TOOL_CALL)
			continue;
		const struct aichat_part *found = find_result(following, count, call->id);
		AIC_CLEANUP(aic_freep) char *id = NULL;
		int rc = aic_tool_ids_map(&p->ids, call->id, &id);
		if (rc < 0)
			return rc;
		if (!found)
			report(p, "a tool call without a result was answered as "
				  "interrupted");
		if (!aic_streq(id, call->id)) {
			aic_string_done(&call->raw);
			aic_free(call->id);
			call->id = aic_strdup(id);
			if (!call->id)
				return AICHAT_ENOMEM;
		}
		if (!is_object(aic_string_str(&call->text))) {
			aic_string_done(&call->raw);
			if (call->text.len)
				report(p,
				       "arguments of a tool call that are no JSON object "
				       "were left out");
			if (aic_string_set(&call->text, AIC_STR("{}")) < 0)
				return AICHAT_ENOMEM;
		}
		rc = add_result(results, found, id, call->name);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* An answer with tool calls, and right behind it all the results that it gets. */
static int project_calls(struct projection *p, struct aichat_message *message,
			 struct aichat_message *const *following, size_t count)
{
	AIC_CLEANUP(aichat_message_unrefp) struct aichat_message *calls = NULL;
	AIC_CLEANUP(aichat_message_unrefp) struct aichat_message *kept = NULL;
	AIC_CLEANUP(aichat_message_unrefp)
	struct aichat_message *results = aic_message_new(AICHAT_ROLE_TOOL);
	bool ours;

	int rc = results ? trim(p, message, &kept, &ours) : AICHAT_ENOMEM;
	if (rc < 0)
		return rc;
	calls = ours ? aichat_message_ref(kept) : aic_message_copy(kept);
	if (!calls)
		return AICHAT_ENOMEM;
	/* Results keep the language and maker of their raw. */
	if (count && following[0]->role == AICHAT_ROLE_TOOL)
		rc = aic_message_copy_origin(results, following[0]);
	results->state = AICHAT_MESSAGE_SEALED;
	if (rc == 0)
		rc = answer_calls(p, calls, following, count, results);
	if (rc == 0)
		rc = emit(p, calls, true);
	return rc < 0 ? rc : emit(p, results, true);
}

/* ---- the path ---- */

static bool is_shown(const struct aichat_message *message)
{
	return message->part_count && message->state != AICHAT_MESSAGE_ERASED &&
	       message->state != AICHAT_MESSAGE_OPEN;
}

/* Some templates want the assistant to speak between a tool and the user. */
static int bridge(struct projection *p, const struct aichat_message *message)
{
	const struct aichat_message *last = last_message(p);

	if (message->role == AICHAT_ROLE_USER && last && last->role == AICHAT_ROLE_TOOL &&
	    (p->profile->quirks & AIC_QUIRK_NO_USER_AFTER_TOOL))
		return emit_text(p, AICHAT_ROLE_ASSISTANT, BRIDGE);
	return 0;
}

static int project_one(struct projection *p, struct aichat_message *const *path,
		       size_t at, size_t count)
{
	struct aichat_message *message = path[at];
	AIC_CLEANUP(aichat_message_unrefp) struct aichat_message *kept = NULL;
	bool ours;

	if (message->role == AICHAT_ROLE_TOOL) /* went behind its calls, if it has any */
		return 0;
	if (message->role == AICHAT_ROLE_ASSISTANT &&
	    aic_message_has(message, AICHAT_PART_TOOL_CALL))
		return project_calls(p, message, path + at + 1, count - at - 1);
	int rc = trim(p, message, &kept, &ours);
	if (rc == 0 && kept->part_count)
		rc = bridge(p, kept);
	return rc < 0 ? rc : emit(p, kept, ours);
}

int aic_project(struct aichat_message *const *path, size_t count,
		const struct aic_dialect *dialect, const struct aic_profile *profile,
		struct aic_request *request, struct aic_report *report)
{
	struct projection p = {
		.dialect = dialect,
		.profile = profile,
		.request = request,
		.report = report,
	};
	int rc = 0;

	aic_tool_ids_init(&p.ids, profile->id_max, profile->id_alnum);
	for (size_t i = 0; i < count && rc == 0; i++)
		if (is_shown(path[i]))
			rc = project_one(&p, path, i, count);
	aic_tool_ids_done(&p.ids);
	return rc;
}
