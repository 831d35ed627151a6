/*
 * Log lines. Each is written with one write(), so that lines of many workers do not mix.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

int64_t clock_mono_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_unix_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void put(aichat_json_writer *w, const char *key, const char *text)
{
	if (!text || !*text)
		return;
	aichat_json_writer_key(w, key, -1);
	aichat_json_writer_string(w, text, -1);
}

static void put_int(aichat_json_writer *w, const char *key, int64_t number)
{
	if (number < 0)
		return;
	aichat_json_writer_key(w, key, -1);
	aichat_json_writer_int(w, number);
}

static void put_ms(aichat_json_writer *w, const char *key, int64_t us)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64 ".%03d", us / 1000, (int)(us % 1000));
	aichat_json_writer_key(w, key, -1);
	aichat_json_writer_raw(w, text, -1);
}

/* RFC 3339; what changes once a second is written once a second. */
static const char *time_stamp(void)
{
	static _Thread_local char stamp[40];
	static _Thread_local time_t second;
	int64_t now_ms = clock_unix_ms();
	time_t now = (time_t)(now_ms / 1000);
	struct tm parts;

	if (now != second && gmtime_r(&now, &parts)) {
		strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S.000Z", &parts);
		second = now;
	}
	for (int i = 22, ms = (int)(now_ms % 1000); i > 19; i--, ms /= 10)
		stamp[i] = (char)('0' + ms % 10);
	return stamp;
}

static aichat_json_writer *begin(const char *level)
{
	aichat_json_writer *w = aichat_json_writer_new(0);

	aichat_json_writer_begin_object(w);
	put(w, "time", time_stamp());
	put(w, "level", level);
	return w;
}

static void end(aichat_json_writer *w)
{
	const char *text = NULL;
	size_t len = 0;

	aichat_json_writer_end_object(w);
	if (aichat_json_writer_finish(w, &text, &len) == 0) {
		char line[8192];
		len = len < sizeof(line) - 1 ? len : sizeof(line) - 1;
		memcpy(line, text, len);
		line[len++] = '\n';
		while (write(STDERR_FILENO, line, len) < 0 && errno == EINTR)
			;
	}
	aichat_json_writer_unref(w);
}

static const char *level_name(int level)
{
	return level == AICHAT_LOG_ERROR     ? "error"
	       : level == AICHAT_LOG_WARNING ? "warning"
	       : level == AICHAT_LOG_INFO    ? "info"
					     : "debug";
}

void log_line(int level, const char *format, ...)
{
	char message[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	aichat_json_writer *w = begin(level_name(level));
	put(w, "message", message);
	end(w);
}

void log_library(void *user, int level, const char *message)
{
	(void)user;
	log_line(level, "%s", message);
}

void log_request(const struct call *call)
{
	int status = http_status(call->request);
	aichat_json_writer *w = begin(status >= 500 ? "error" : "info");

	put(w, "request_id", call->request_id);
	put(w, "route", call->route ? call->route->name : NULL);
	put(w, "method", http_method(call->request));
	put_int(w, "status", status);
	put(w, "error_type", call->error_type);
	put(w, "error_code", call->error_code);
	put(w, "peer", http_peer(call->request));
	put(w, "user", call->principal.user);
	put(w, "key", call->principal.key);
	put(w, "model", call->model);
	put_int(w, "input_tokens", call->input_tokens);
	put_int(w, "output_tokens", call->output_tokens);
	put_int(w, "cost_nano_usd", call->cost_nano_usd);
	put_int(w, "bytes_in", (int64_t)call->raw_body_len);
	put_int(w, "bytes_out", http_bytes_sent(call->request));
	if (call->first_byte_mono_us)
		put_ms(w, "first_byte_ms",
		       call->first_byte_mono_us - call->started_mono_us);
	put_ms(w, "duration_ms", clock_mono_us() - call->started_mono_us);
	end(w);
}
