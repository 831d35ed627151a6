#pragma once

/*
 * The daemon's state: made by main.c, shared by every worker, never copied.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <aichat/aichat.h>

struct accounts;
struct limits;
struct metrics;
struct http_server;
struct ongoings;
struct teller;

struct settings { /* of the section `server`; strings borrowed from the options */
	const char *listen;
	const char *admin_listen; /* health and metrics; "" for none */
	const char *const
		*hosts; /* that Host may name, NULL-ended; loopback is always in */
	const char *const *origins;
	const char *const *proxies; /* whose X-Forwarded-For counts */
	int connections, workers, streams, user_streams;
	int connections_per_ip; /* 0 = a quarter of all; then this machine is exempt */
	int64_t max_body_bytes;
	int64_t header_timeout_ms, idle_timeout_ms, body_timeout_ms, write_timeout_ms;
	int64_t min_body_rate;
	int64_t min_free_bytes; /* of the store's disk, to be ready */
	int64_t drain_ms;
	int64_t heartbeat_ms;
	int64_t kept_answer_bytes; /* of each user, for repeats */
	int detached_per_user;
	int64_t detached_ms;
	/* limits for everybody and for each user and key that has none; 0 = none */
	int64_t requests_per_minute, tokens_per_minute, concurrent_replies;
	int64_t user_requests_per_minute, user_tokens_per_minute, user_concurrent_replies;
};

struct server {
	aichat *ai;              /* the store, as its own owner */
	aichat_options *options; /* of the context */
	struct settings settings;
	struct accounts *accounts; /* auth.h */
	struct limits *limits;     /* limits.h */
	struct metrics *metrics;   /* metrics.h */
	struct ongoings *ongoings; /* ongoing.h */
	struct teller *teller;     /* teller.h */
	struct http_server *http, *admin_http;
	_Atomic bool draining; /* nothing new */
	_Atomic bool stopping; /* streams end now, and can be resumed */
	_Atomic int streams;   /* running now */
	int64_t started_unix_ms;
	char store_path[4096]; /* of the store's file; "" if it is in memory */
};
