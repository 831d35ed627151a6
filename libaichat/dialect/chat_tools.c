/*
 * Tool calls from deltas. Which call a fragment belongs to: the one with its id, else the
 * one with its index, else the latest; an id or an index not seen before begins a call. A
 * missing index never means 0. A call is told once its id and its name are known, or at
 * the end.
 */

#include "base/mem.h"
#include "dialect/chat.h"

/* A fragment's members. */
struct fragment {
	int value;
	int64_t index; /* -1 = none */
	int id;        /* a string that is not empty, or none */
	int name;
	int arguments;
	bool custom;
};

static bool is_text(const struct aic_json *doc, int value)
{
	return aic_json_is(doc, value, AIC_JSON_STRING) &&
	       aic_json_raw(doc, value).len > 2;
}

static int text_or_none(const struct aic_json *doc, int value)
{
	return is_text(doc, value) ? value : AIC_JSON_NONE;
}

static bool same_id(const struct aic_json *doc, const struct oai_call *call, int id)
{
	return call->id && aic_json_equals(doc, id, call->id);
}

/* --- which call --- */

static struct oai_call *new_call(struct oai_choice *c, int64_t index)
{
	if (c->call_count >= OAI_CALLS_MAX)
		return NULL;
	struct oai_call *call = &c->calls[c->call_count++];
	*call = (struct oai_call){ .index = index,
				   .arguments = aic_buf(OAI_ARGUMENTS_MAX) };
	return call;
}

static struct oai_call *by_id(const struct aic_json *doc, struct oai_choice *c,
			      const struct fragment *f)
{
	for (size_t i = c->call_count; f->id >= 0 && i-- > 0;) {
		struct oai_call *call = &c->calls[i];
		/* Some recorders and proxies give all calls one id; then the index tells.
		 */
		bool fits = f->index < 0 || call->index < 0 || call->index == f->index;
		if (fits && same_id(doc, call, f->id))
			return call;
	}
	return NULL;
}

static struct oai_call *by_index(struct oai_choice *c, int64_t index)
{
	for (size_t i = c->call_count; index >= 0 && i-- > 0;)
		if (c->calls[i].index == index)
			return &c->calls[i];
	return NULL;
}

/*
 * A whole call after a whole call, though neither an id nor another index says so
 * (Gemini): appended, the arguments would be no JSON.
 */
static bool begins_anew(struct oai_decoder *d, const struct oai_choice *c,
			const struct oai_call *call, const struct fragment *f)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	struct aic_str more = aic_json_raw(&d->doc, f->arguments);

	if (f->id >= 0 || f->name < 0 || !call->name || c->word || call->custom)
		return false;
	if (aic_json_is(&d->doc, f->arguments, AIC_JSON_STRING))
		more = (struct aic_str){ more.data + 1, more.len - 2 };
	if (!more.len || more.data[0] != '{' || !call->arguments.len)
		return false;
	int result = aic_json_scan(&doc, call->arguments.data, call->arguments.len,
				   &aic_json_wire);
	if (result == AICHAT_ENOMEM)
		d->events->failed = true;
	return result == 0;
}

static struct oai_call *find_call(struct oai_decoder *d, struct oai_choice *c,
				  const struct fragment *f, uint32_t position,
				  bool several)
{
	struct oai_call *call = by_id(&d->doc, c, f);

	if (call)
		return call;
	call = by_index(c, f->index);
	if (f->id >= 0)
		return call && !call->id ? call : new_call(c, f->index);
	if (f->index < 0 && several)
		return position < c->call_count ? &c->calls[position] : new_call(c, -1);
	if (f->index < 0 && c->call_count)
		call = &c->calls[c->call_count - 1];
	return call && !begins_anew(d, c, call, f) ? call : new_call(c, f->index);
}

/* --- what a fragment says --- */

static bool is_blank(const struct aic_buf *text)
{
	for (size_t i = 0; i < text->len; i++)
		if (!memchr(" \t\r\n", text->data[i], 4))
			return false;
	return true;
}

static void start(struct oai_decoder *d, struct oai_choice *c, struct oai_call *call)
{
	uint32_t part = aic_oai_next_part(d, c);
	struct aichat_event *event = aic_oai_add(d, c, AICHAT_EVENT_PART_START);

	call->started = true;
	call->part = part;
	event->index = part;
	event->part_type = AICHAT_PART_TOOL_CALL;
	event->id = aic_str(call->id);
	event->name = aic_str(call->name);
	if (call->custom) /* whoever passes the call on must know before its text comes */
		event->raw = AIC_STR("{\"type\":\"custom\"}");
}

static void tell(struct oai_decoder *d, struct oai_choice *c, struct oai_call *call,
		 struct aic_str text)
{
	if (!text.len)
		return;
	struct aichat_event *event = aic_oai_add(d, c, AICHAT_EVENT_TOOL_CALL);
	event->index = call->part;
	event->part_type = AICHAT_PART_TOOL_CALL;
	event->id = aic_str(call->id);
	event->name = aic_str(call->name);
	event->text = text;
}

/* Gives what was not given; piece, if it is just that, is borrowed rather than copied.
 * Blanks wait: arguments that stay blank become {}. */
static void tell_rest(struct oai_decoder *d, struct oai_choice *c, struct oai_call *call,
		      struct aic_str piece)
{
	size_t rest = call->arguments.len - call->told;

	if (!call->started || call->replaced || !rest ||
	    (!call->told && !call->custom && is_blank(&call->arguments)))
		return;
	if (rest != piece.len)
		piece = aic_oai_keep(
			d, (struct aic_str){ call->arguments.data + call->told, rest });
	tell(d, c, call, piece);
	call->told = call->arguments.len;
}

static int append(struct oai_decoder *d, struct oai_choice *c, struct oai_call *call,
		  struct aic_str piece)
{
	/* litellm ends with a chunk that has all arguments once more. */
	if (c->word && piece.len && aic_str_equal(piece, aic_buf_str(&call->arguments)))
		return 0;
	if (aic_buf_append(&call->arguments, piece.data, piece.len) < 0)
		return aic_oai_fail(d, call->arguments.error,
				    "a tool call's arguments are larger than 16 MiB");
	tell_rest(d, c, call, piece);
	return 0;
}

/* Arguments that came as the object itself are all there is. */
static int assign(struct oai_decoder *d, struct oai_choice *c, struct oai_call *call,
		  struct aic_str json)
{
	if (aic_str_equal(json, aic_buf_str(&call->arguments)))
		return 0;
	call->replaced = call->told > 0;
	aic_buf_reset(&call->arguments);
	if (aic_buf_append(&call->arguments, json.data, json.len) < 0)
		return aic_oai_fail(d, call->arguments.error,
				    "a tool call's arguments are larger than 16 MiB");
	tell_rest(d, c, call, json);
	return 0;
}

/* What our fields do not carry: Gemini's extra_content, the type of a custom call. */
static int keep_members(struct oai_decoder *d, struct oai_call *call,
			const struct fragment *f)
{
	const struct aic_json *doc = &d->doc;
	int result = 0;

	if (f->custom)
		result = aic_oai_member_set(&call->members, AIC_STR("type"),
					    AIC_STR("\"custom\""));
	for (int v = aic_json_first(doc, f->value); v >= 0 && result == 0;
	     v = aic_json_next(doc, f->value, v)) {
		struct aic_str key = aic_member_key(doc, v);
		if (!key.len || AIC_KEY_IS(key, "index") || AIC_KEY_IS(key, "id") ||
		    AIC_KEY_IS(key, "type") || AIC_KEY_IS(key, "function") ||
		    AIC_KEY_IS(key, "custom") || aic_json_is(doc, v, AIC_JSON_NULL))
			continue;
		result = aic_oai_member_set(&call->members, key, aic_json_raw(doc, v));
	}
	if (result < 0)
		return aic_oai_fail(d, result, "a tool call: %s",
				    aichat_error_text(result));
	return 0;
}

/* The first that comes stays. */
static int set_name(struct oai_decoder *d, char **to, int value)
{
	if (*to || value < 0)
		return 0;
	int result = aic_string_dup(&d->doc, value, to);
	if (result < 0)
		return aic_oai_fail(d, result == AICHAT_EJSON ? AICHAT_EPROTOCOL : result,
				    "a tool call's id or name has a NUL in it");
	return 0;
}

static int feed(struct oai_decoder *d, struct oai_choice *c, struct oai_call *call,
		const struct fragment *f)
{
	int result = set_name(d, &call->id, f->id);

	if (result == 0)
		result = set_name(d, &call->name, f->name);
	if (result == 0)
		result = keep_members(d, call, f);
	if (result < 0)
		return result;
	call->custom = call->custom || f->custom;
	if (call->index < 0)
		call->index = f->index;
	if (!call->started && call->id && call->name) {
		start(d, c, call);
		tell_rest(d, c, call, (struct aic_str){ NULL, 0 });
	}
	switch (aic_json_type(&d->doc, f->arguments)) {
	case AIC_JSON_STRING:
		return append(d, c, call, aic_oai_string(d, f->arguments, &call->high));
	case AIC_JSON_OBJECT:
	case AIC_JSON_ARRAY:
		return assign(d, c, call, aic_json_raw(&d->doc, f->arguments));
	default:
		return 0;
	}
}

static int read_fragment(struct oai_decoder *d, struct oai_choice *c, int value,
			 struct fragment *f)
{
	const struct aic_json *doc = &d->doc;
	int function = aic_json_get(doc, value, "function");
	int custom = aic_json_get(doc, value, "custom");
	int index = aic_json_get(doc, value, "index");

	*f = (struct fragment){ value,         -1,   AIC_JSON_NONE, AIC_JSON_NONE,
				AIC_JSON_NONE, false };
	if (aic_json_int(doc, index, &f->index) &&
	    (f->index < 0 || f->index >= OAI_CALLS_MAX))
		return aic_oai_fail(d, AICHAT_EPROTOCOL,
				    "choices[%u]: a tool call has the index %lld",
				    (unsigned)c->number, (long long)f->index);
	f->id = text_or_none(doc, aic_json_get(doc, value, "id"));
	f->custom = is_text(doc, aic_json_get(doc, custom, "name")) ||
		    is_text(doc, aic_json_get(doc, custom, "input"));
	f->name = text_or_none(doc,
			       aic_json_get(doc, f->custom ? custom : function, "name"));
	f->arguments = f->custom ? aic_json_get(doc, custom, "input")
				 : aic_json_get(doc, function, "arguments");
	return 0;
}

static int take(struct oai_decoder *d, struct oai_choice *c, struct fragment *f,
		uint32_t position, bool several)
{
	if (++c->fragments > OAI_FRAGMENTS_MAX)
		return aic_oai_fail(d, AICHAT_ETOOLARGE,
				    "the tool calls are in more than %d pieces",
				    OAI_FRAGMENTS_MAX);
	/* Room first: calls must not move while one is being fed. */
	if (!AIC_GROW(c->calls, c->call_count, &c->call_capacity))
		return aic_oai_fail(d, AICHAT_ENOMEM, "a tool call");
	struct oai_call *call = find_call(d, c, f, position, several);
	if (!call)
		return aic_oai_fail(d, AICHAT_ETOOLARGE, "more than %d tool calls",
				    OAI_CALLS_MAX);
	return feed(d, c, call, f);
}

int aic_oai_calls(struct oai_decoder *d, struct oai_choice *c, int fragments)
{
	const struct aic_json *doc = &d->doc;
	bool several = aic_json_count(doc, fragments) > 1;
	uint32_t position = 0;
	struct fragment f;

	if (!aic_json_is(doc, fragments, AIC_JSON_ARRAY))
		return 0;
	for (int v = aic_json_first(doc, fragments); v >= 0;
	     v = aic_json_next(doc, fragments, v)) {
		if (!aic_json_is(doc, v, AIC_JSON_OBJECT))
			continue;
		int result = read_fragment(d, c, v, &f);
		if (result == 0)
			result = take(d, c, &f, position++, several);
		if (result < 0)
			return result;
	}
	return 0;
}

int aic_oai_function_call(struct oai_decoder *d, struct oai_choice *c, int call)
{
	const struct aic_json *doc = &d->doc;
	struct fragment f = { AIC_JSON_NONE, 0,    AIC_JSON_NONE, AIC_JSON_NONE,
			      AIC_JSON_NONE, false };

	if (!aic_json_is(doc, call, AIC_JSON_OBJECT))
		return 0;
	f.name = text_or_none(doc, aic_json_get(doc, call, "name"));
	f.arguments = aic_json_get_set(doc, call, "arguments");
	if (f.name < 0 && !is_text(doc, f.arguments))
		return 0;
	return take(d, c, &f, 0, false);
}

/* --- the end --- */

/* call_<n>: the same each time the same reply is read, and no other call's. */
static char *make_id(const struct oai_choice *c, size_t n)
{
	AIC_CLEANUP(aic_buf_done) struct aic_buf id = aic_buf(64);

	for (;; n += OAI_CALLS_MAX) {
		bool taken = false;
		aic_buf_reset(&id);
		aic_buf_puts(&id, "call_");
		aic_buf_put_int(&id, (int64_t)n);
		for (size_t i = 0; i < c->call_count && !id.error; i++)
			taken = taken || aic_streq(c->calls[i].id, id.data);
		if (!taken)
			return aic_buf_take(&id, NULL);
	}
}

static struct aic_str take_raw(struct oai_decoder *d, struct oai_call *call)
{
	struct aic_json_writer w = aic_json_writer(&d->scratch);

	if (!call->members.count)
		return (struct aic_str){ NULL, 0 };
	aic_buf_reset(&d->scratch);
	aic_json_begin(&w, '{');
	aic_oai_members_write(&call->members, &w);
	aic_json_end(&w, '}');
	return aic_oai_keep(d, aic_buf_str(&d->scratch));
}

static void end_call(struct oai_decoder *d, struct oai_choice *c, struct oai_call *call,
		     bool whole)
{
	if (call->high) {
		/* Half a character was all that came of it. */
		call->high = 0;
		aic_buf_append(&call->arguments, "\xef\xbf\xbd", 3);
	}
	if (whole && !call->custom && is_blank(&call->arguments)) {
		aic_buf_reset(&call->arguments);
		aic_buf_append(&call->arguments, "{}", 2);
	}
	if (!call->started)
		start(d, c, call);
	tell_rest(d, c, call, (struct aic_str){ NULL, 0 });
	struct aichat_event *event = aic_oai_add(d, c, AICHAT_EVENT_PART_END);
	event->index = call->part;
	event->part_type = AICHAT_PART_TOOL_CALL;
	event->raw = take_raw(d, call);
	if (call->replaced) {
		call->value = (struct aichat_part){
			.type = AICHAT_PART_TOOL_CALL,
			.text = { .data = call->arguments.data,
				  .len = call->arguments.len },
			.id = call->id,
			.name = call->name,
		};
		event->part = &call->value;
	}
}

void aic_oai_end_calls(struct oai_decoder *d, struct oai_choice *c, bool whole)
{
	for (size_t i = 0; i < c->call_count; i++) {
		struct oai_call *call = &c->calls[i];
		if (!call->id)
			call->id = make_id(c, i);
		if (!call->name)
			call->name = aic_strdup("");
		if (!call->id || !call->name) {
			d->events->failed = true;
			return;
		}
		end_call(d, c, call, whole);
	}
}

void aic_oai_call_done(struct oai_call *call)
{
	aic_free(call->id);
	aic_free(call->name);
	aic_buf_done(&call->arguments);
	aic_oai_members_done(&call->members);
}
