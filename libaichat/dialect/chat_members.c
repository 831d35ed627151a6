#include "base/mem.h"
#include "dialect/chat.h"

struct oai_member *aic_oai_member_find(const struct oai_members *members,
				       struct aic_str name)
{
	for (size_t i = 0; i < members->count; i++)
		if (aic_str_equal(aic_buf_str(&members->items[i].name), name))
			return &members->items[i];
	return NULL;
}

int aic_oai_member_set(struct oai_members *members, struct aic_str name,
		       struct aic_str json)
{
	struct oai_member *member = aic_oai_member_find(members, name);

	if (!member) {
		if (members->count >= OAI_MEMBERS_MAX)
			return AICHAT_ETOOLARGE;
		if (!AIC_GROW(members->items, members->count, &members->capacity))
			return AICHAT_ENOMEM;
		member = &members->items[members->count];
		*member = (struct oai_member){ aic_buf(OAI_RAW_MAX),
					       aic_buf(OAI_RAW_MAX) };
		if (aic_buf_append(&member->name, name.data, name.len) < 0) {
			int error = member->name.error;
			aic_buf_done(&member->name);
			return error;
		}
		members->count++;
	}
	aic_buf_reset(&member->json);
	return aic_buf_append(&member->json, json.data, json.len);
}

void aic_oai_members_write(const struct oai_members *members, struct aic_json_writer *w)
{
	for (size_t i = 0; i < members->count; i++) {
		/* The name is as it came, escapes included. */
		struct aic_buf *out = aic_put_open(w);
		aic_buf_putc(out, '"');
		aic_buf_append(out, members->items[i].name.data,
			       members->items[i].name.len);
		aic_buf_append(out, "\":", 2);
		w->comma = false;
		aic_json_put_raw(w, aic_buf_str(&members->items[i].json));
	}
}

void aic_oai_members_done(struct oai_members *members)
{
	for (size_t i = 0; i < members->count; i++) {
		aic_buf_done(&members->items[i].name);
		aic_buf_done(&members->items[i].json);
	}
	aic_free(members->items);
	*members = (struct oai_members){ 0 };
}
