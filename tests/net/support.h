#pragma once

/*
 * Calls against fakellm: it is started once for the program, each test has an engine and
 * a registry of its own, and each call collects what it is told.
 */

#include <pthread.h>

#include <check.h>

#include "net/engine.h"
#include "provider/call.h"

/* Starts fakellm (FAKELLM names it) and leaves it running until this process ends. */
void server_start(void);
/* GET PATH of fakellm, such as "/control/stats"; free() it. */
char *server_get(const char *path);
/* How many requests the exact path had. */
int server_requests(const char *path);

/* A port on which nobody listens, which is kept from others by the descriptor. */
int free_port(int *ret_fd);

/* An address that connections are made to and never come about. */
struct silence {
	char url[64];
	int fd;
	int fillers[8];
};

void silence_open(struct silence *silence);
void silence_close(struct silence *silence);

/* The proxy of worlds that are opened from now on; NULL for none. */
extern const char *world_proxy;

struct world {
	struct aic_registry *registry;
	struct aic_engine *engine;
	struct aic_call_limits limits;
	char base_url[512];
};

/*
 * provider "fake" is ELEMENTS of fakellm (such as "cut/100/") in a dialect; more options
 * are given as name, value pairs up to a NULL.
 */
void world_open(struct world *world, const char *elements, const char *dialect,
		const char *const *options);
void world_close(struct world *world);
/* The path that fakellm sees, for server_requests(). */
void world_path(const struct world *world, char *path, size_t size);

#define CHAT "openai-chat"
#define MESSAGES "anthropic-messages"
#define OPTIONS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* One call and what it was told. */
struct asked {
	struct aic_call *call;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	char text[65536]; /* what came, cut to this */
	size_t text_len;
	int events, retries, parts_open, messages;
	int64_t last_delay_ms;
	int stop_reason;
	int64_t output_tokens;
	char retry_line[512];
	bool slow; /* each batch of events takes a while */
	bool done;
	int code;
	bool began;
	char line[1024]; /* of the error */
	char provider_code[128];
	char request_id[128];
	int http_status;
	int64_t retry_after_ms;
};

/* A question to MODEL; 0 or the error of the start, which is then in `asked`. */
int ask(struct world *world, struct asked *asked, const char *model, bool stream);
/* Until it is over; fails the test after 30 s. */
void await(struct asked *asked);
/* Until some text came. */
void await_text(struct asked *asked);
void asked_free(struct asked *asked);
/* ask(), await() and asked_free() in one, for the usual case. */
struct asked *asked_new(void);
