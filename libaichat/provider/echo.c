#include "provider/echo.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int64_t count_words(struct aic_str text)
{
	int64_t words = 0;

	for (size_t i = 0; i < text.len; i++)
		words += !is_space(text.data[i]) &&
			 (i == 0 || is_space(text.data[i - 1]));
	return words;
}

void aic_echo_init(struct aic_echo *echo, const struct aic_request *request)
{
	*echo = (struct aic_echo){ 0 };
	for (size_t i = 0; i < request->message_count; i++) {
		const struct aichat_message *message = request->messages[i];
		for (size_t k = 0; k < message->part_count; k++)
			if (message->parts[k].type == AICHAT_PART_TEXT)
				echo->read += count_words(
					aic_string_str(&message->parts[k].text));
		if (message->role == AICHAT_ROLE_USER)
			echo->question = message;
	}
}

/* The next piece: white space and the word after it. False when the text is over. */
static bool next_piece(struct aic_echo *echo, struct aic_str *ret_piece)
{
	const struct aichat_message *question = echo->question;

	for (; question && echo->part < question->part_count;
	     echo->part++, echo->at = 0) {
		const struct aichat_part *part = &question->parts[echo->part];
		struct aic_str text = aic_string_str(&part->text);
		size_t end = echo->at;
		if (part->type != AICHAT_PART_TEXT || echo->at >= text.len)
			continue;
		while (end < text.len && is_space(text.data[end]))
			end++;
		while (end < text.len && !is_space(text.data[end]))
			end++;
		*ret_piece = (struct aic_str){ text.data + echo->at, end - echo->at };
		echo->at = end;
		return true;
	}
	return false;
}

bool aic_echo_step(struct aic_echo *echo, struct aic_events *events)
{
	struct aic_str piece;

	if (next_piece(echo, &piece)) {
		if (!echo->begun)
			aic_events_add(events, AICHAT_EVENT_PART_START)
				->part_type = AICHAT_PART_TEXT;
		echo->begun = true;
		echo->written += count_words(piece);
		aic_events_add(events, AICHAT_EVENT_TEXT)->text = piece;
		return true;
	}
	if (echo->begun)
		aic_events_add(events, AICHAT_EVENT_PART_END)
			->part_type = AICHAT_PART_TEXT;
	struct aichat_event *usage = aic_events_add(events, AICHAT_EVENT_USAGE);
	usage->usage = AIC_USAGE_UNKNOWN;
	usage->usage.input = echo->read;
	usage->usage.output = echo->written;
	struct aichat_event *message = aic_events_add(events, AICHAT_EVENT_MESSAGE);
	message->stop_reason = AICHAT_STOP_STOP;
	message->stop_word = AIC_STR("stop");
	return false;
}
