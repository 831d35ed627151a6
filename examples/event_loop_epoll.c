/*
 * Two replies and a timer in an epoll loop, with no thread of our own. Edges do as well
 * as levels (EPOLLET), because every wakeup takes all events that there are.
 */

#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <aichat/aichat.h>

#define REPLIES 2
#define TICK_MS 100

struct job {
	const char *question;
	aichat_conversation *conversation;
	aichat_reply *reply;
	size_t bytes;
	int fd;
	int over;
};

static int watch(int loop, int fd, void *what)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = what };

	return epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event);
}

static int start(aichat *ai, struct job *job, int loop, aichat_error **error)
{
	if (aichat_conversation_new(ai, NULL, &job->conversation, error) < 0 ||
	    aichat_conversation_send(job->conversation, job->question, -1, NULL,
				     &job->reply, error) < 0 ||
	    aichat_reply_fd(job->reply, &job->fd, error) < 0)
		return -1;
	return watch(loop, job->fd, job);
}

/* A descriptor that is readable every TICK_MS. */
static int start_timer(int loop)
{
	struct itimerspec every = { .it_value = { .tv_nsec = TICK_MS * 1000000 },
				    .it_interval = { .tv_nsec = TICK_MS * 1000000 } };
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	if (timer >= 0) {
		timerfd_settime(timer, 0, &every, NULL);
		watch(loop, timer, NULL);
	}
	return timer;
}

/* Take what there is, and do not wait for more. */
static void take_events(struct job *job)
{
	const aichat_event *event;
	int rc;

	while ((rc = aichat_reply_next(job->reply, 0, &event)) == 1) {
		if (aichat_event_type(event) == AICHAT_EVENT_TEXT)
			job->bytes += aichat_event_text_len(event);
		if (aichat_event_type(event) == AICHAT_EVENT_ERROR)
			fprintf(stderr, "%s: %s\n", job->question,
				aichat_error_message(aichat_event_error(event)));
		if (aichat_event_type(event) == AICHAT_EVENT_DONE)
			printf("%s: %zu bytes\n", job->question, job->bytes);
	}
	job->over = rc != AICHAT_EAGAIN;
}

/* Until both replies are over; < 0 if the loop fails. */
static int run(int loop, int timer, struct job jobs[REPLIES])
{
	int running = REPLIES;

	while (running) {
		struct epoll_event ready[REPLIES + 1];
		int count = epoll_wait(loop, ready, REPLIES + 1, -1);
		if (count < 0)
			return -1;
		for (int i = 0; i < count; i++) {
			struct job *job = ready[i].data.ptr;
			uint64_t ticks;
			if (job) {
				take_events(job);
				if (!job->over)
					continue;
				epoll_ctl(loop, EPOLL_CTL_DEL, job->fd, NULL);
				running--;
			} else if (read(timer, &ticks, sizeof(ticks)) > 0) {
				printf("so far: %zu bytes\n",
				       jobs[0].bytes + jobs[1].bytes);
			}
		}
	}
	return 0;
}

int main(void)
{
	struct job jobs[REPLIES] = { { .question = "Name three rivers." },
				     { .question = "Name three mountains." } };
	aichat_options *options = aichat_options_new();
	aichat *ai = NULL;
	aichat_error *error = NULL;
	int loop = epoll_create1(EPOLL_CLOEXEC);
	int timer = start_timer(loop);
	int rc = -1;

	if (timer >= 0 && aichat_options_load(options, NULL, &error) == 0 &&
	    aichat_open(options, &ai, &error) == 0 &&
	    start(ai, &jobs[0], loop, &error) == 0 &&
	    start(ai, &jobs[1], loop, &error) == 0)
		rc = run(loop, timer, jobs);
	if (error)
		fprintf(stderr, "%s\n", aichat_error_message(error));

	for (int i = 0; i < REPLIES; i++) {
		aichat_reply_unref(jobs[i].reply);
		aichat_conversation_unref(jobs[i].conversation);
	}
	aichat_close(ai);
	aichat_options_free(options);
	aichat_error_unref(error);
	close(timer);
	close(loop);
	return rc < 0;
}
