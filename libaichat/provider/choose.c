/*
 * The model to use when none is named. The last resort before `echo` is a server on this
 * machine: Ollama and llama-server are asked for their models, both at once, over sockets
 * that never block, within 50 ms together. No engine is needed for that, so that choosing
 * starts no thread.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "provider/registry_internal.h"

#define PROBE_MS 50
#define ANSWER_MAX ((size_t)1 << 20)

struct probe {
	const char *provider;
	uint16_t port;
	const char *path;
	const char *list; /* the member with the models */
	const char *name; /* the member of a model with its name */
	int fd;           /* -1 = over */
	bool sent;
	struct aic_buf answer;
};

static int full_name(char **ret_name, const char *provider, const char *model,
		     aichat_error **reterr)
{
	struct aic_buf name = aic_buf(0);

	aic_buf_puts(&name, provider);
	aic_buf_putc(&name, '/');
	aic_buf_puts(&name, model);
	*ret_name = aic_buf_take(&name, NULL);
	aic_buf_done(&name);
	return *ret_name ? 0 : aic_error_nomem(reterr);
}

/* --- servers on this machine --- */

static void probe_open(struct probe *probe)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(probe->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	probe->answer = aic_buf(ANSWER_MAX);
	probe->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (probe->fd < 0)
		return;
	if (connect(probe->fd, (struct sockaddr *)&address, sizeof(address)) < 0 &&
	    errno != EINPROGRESS) {
		close(probe->fd);
		probe->fd = -1;
	}
}

static void probe_close(struct probe *probe)
{
	if (probe->fd >= 0)
		close(probe->fd);
	probe->fd = -1;
}

/* One step of what poll() allows. HTTP/1.0, so that the answer ends with the connection.
 */
static void probe_step(struct probe *probe)
{
	if (!probe->sent) {
		struct aic_buf request = aic_buf(0);
		aic_buf_printf(&request, "GET %s HTTP/1.0\r\nHost: 127.0.0.1:%u\r\n\r\n",
			       probe->path, (unsigned)probe->port);
		struct aic_str bytes = aic_buf_str(&request);
		/* It fits into any socket's buffer; a refused connection fails here. */
		ssize_t count = send(probe->fd, bytes.data, bytes.len, MSG_NOSIGNAL);
		aic_buf_done(&request);
		probe->sent = true;
		if (count != (ssize_t)bytes.len)
			probe_close(probe);
		return;
	}
	char *to = aic_buf_reserve(&probe->answer, 4096);
	ssize_t count = to ? recv(probe->fd, to, 4096, 0) : 0;
	if (count > 0)
		probe->answer.len += (size_t)count;
	else if (count == 0 || (errno != EAGAIN && errno != EINTR))
		probe_close(probe);
}

/* The first model of an answer that came whole; NULL if there is none. */
static char *first_model(const struct probe *probe)
{
	AIC_CLEANUP(aic_json_done) struct aic_json doc = { 0 };
	struct aic_str text = aic_buf_str(&probe->answer);
	const char *body = memmem(text.data, text.len, "\r\n\r\n", 4);

	if (text.len < 12 || strncmp(text.data, "HTTP/1.", 7) != 0 ||
	    strncmp(text.data + 8, " 200", 4) != 0 || !body)
		return NULL;
	body += 4;
	if (aic_json_scan(&doc, body, (size_t)(text.data + text.len - body),
			  &aic_json_wire))
		return NULL;
	int models = aic_json_get(&doc, 0, probe->list);
	return aic_json_strdup(
		&doc, aic_json_get(&doc, aic_json_at(&doc, models, 0), probe->name));
}

static void run_probes(struct probe *probes, size_t count)
{
	int64_t end = aic_clock_mono_ms() + PROBE_MS;
	int64_t left;

	while ((left = end - aic_clock_mono_ms()) > 0) {
		struct pollfd fds[2];
		nfds_t open = 0;
		for (size_t i = 0; i < count; i++) {
			fds[i].fd = probes[i].fd;
			fds[i].events = probes[i].sent ? POLLIN : POLLOUT;
			fds[i].revents = 0;
			open += probes[i].fd >= 0;
		}
		if (open == 0 || poll(fds, count, (int)left) < 0)
			return;
		for (size_t i = 0; i < count; i++)
			if (probes[i].fd >= 0 && fds[i].revents)
				probe_step(&probes[i]);
	}
}

/* *ret_name stays NULL when no server has a model. */
static int choose_local(char **ret_name, aichat_error **reterr)
{
	struct probe probes[2] = {
		{ "ollama", 11434, "/api/tags", "models", "name", -1, false, { 0 } },
		{ "llama-server", 8080, "/v1/models", "data", "id", -1, false, { 0 } },
	};
	int result = 0;

	for (size_t i = 0; i < AIC_ARRAY_LEN(probes); i++)
		probe_open(&probes[i]);
	run_probes(probes, AIC_ARRAY_LEN(probes));
	for (size_t i = 0; i < AIC_ARRAY_LEN(probes); i++) {
		probe_close(&probes[i]);
		char *model = *ret_name || result ? NULL : first_model(&probes[i]);
		if (model)
			result = full_name(ret_name, probes[i].provider, model, reterr);
		aic_free(model);
		aic_buf_done(&probes[i].answer);
	}
	return result;
}

/* --- the order --- */

static bool has_key(const struct aic_provider *provider)
{
	return provider->api_key || provider->key_command;
}

int aic_model_configured(const struct aic_registry *registry,
			 const struct aichat_options *options, char **ret_name,
			 aichat_error **reterr)
{
	const char *named = NULL;
	int result;

	*ret_name = NULL;
	if (options && aichat_options_get(options, "model", &named) >= 0 && named &&
	    *named) {
		struct aic_target target = { 0 };
		result = aic_target_resolve(registry, named, &target, reterr);
		if (!result)
			result = full_name(ret_name, target.provider->name, target.model,
					   reterr);
		aic_target_done(&target);
		return result;
	}
	for (size_t i = 0; i < registry->provider_count; i++) {
		const struct aic_provider *provider = &registry->providers[i];
		if (has_key(provider) && provider->default_model)
			return full_name(ret_name, provider->name,
					 provider->default_model, reterr);
	}
	return 0;
}

int aic_model_choose(const struct aic_registry *registry,
		     const struct aichat_options *options, char **ret_name,
		     aichat_error **reterr)
{
	char *name = NULL;
	int result = aic_model_configured(registry, options, ret_name, reterr);

	if (result || *ret_name)
		return result;
	result = choose_local(&name, reterr);
	if (result)
		return result;
	if (!name)
		return full_name(ret_name, "echo", "echo", reterr);
	*ret_name = name;
	return 0;
}
