/*
 * A conversation on the terminal. Ctrl-C during a reply stops it and keeps what came, at
 * the prompt it clears the line; Ctrl-D leaves.
 */

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../command.h"
#include "../edit.h"

struct chat {
	struct app *app;
	aichat_conversation *conversation; /* NULL: begins with the next message */
	char *model, *system;              /* what was set here, as -m and -s would */
	bool leave;
};

struct slash {
	const char *name;
	const char *argument; /* "" for none */
	const char *help;
	void (*run)(struct chat *chat, const char *argument);
};

static const struct slash *slash_at(size_t n);

static void slash_help(struct chat *chat, const char *argument)
{
	const struct slash *slash;

	(void)argument;
	for (size_t i = 0; (slash = slash_at(i)); i++)
		out_printf(&chat->app->out, "/%s%s%-*s %s\n", slash->name,
			   *slash->argument ? " " : "",
			   (int)(14 - strlen(slash->name) - (*slash->argument != '\0')),
			   slash->argument, slash->help);
	out_puts(&chat->app->out,
		 "\nA line that ends with \\ goes on. Ctrl-C stops a reply or clears the "
		 "line, Ctrl-D\nleaves. Put / before a message that begins with one.\n");
}

/* As if the command line had said it, for conversations that begin from here on. */
static void set_argument(struct app *app, char key, const char *value, char **kept)
{
	char *copy = *value ? strdup(value) : NULL;

	free(*kept);
	*kept = copy;
	app->args.values[(unsigned char)key] = copy;
	app->args.counts[(unsigned char)key] = copy != NULL;
}

static void slash_model(struct chat *chat, const char *argument)
{
	CLEANUP(error_unrefp) aichat_error *error = NULL;
	struct app *app = chat->app;
	aichat_model *model = NULL;
	const char *name = NULL;

	if (!*argument) {
		if (aichat_options_get(app->ask, "model", &name) != 1)
			aichat_options_get(app->options, "model", &name);
		out_printf(&app->out, "%s\n", name ? name : "none");
		return;
	}
	if (aichat_model_find(app->ai, argument, &model, &error) < 0 ||
	    aichat_options_set(app->ask, "model", argument, -1, &error) < 0) {
		app_fail(app, error);
	} else {
		set_argument(app, 'm', argument, &chat->model);
		app_notice(app, "model: %s", aichat_model_name(model));
	}
	aichat_model_unref(model);
}

static void slash_new(struct chat *chat, const char *argument)
{
	(void)argument;
	chat->conversation = aichat_conversation_unref(chat->conversation);
	app_notice(chat->app, "the next message begins a new conversation");
}

static void slash_system(struct chat *chat, const char *argument)
{
	set_argument(chat->app, 's', argument, &chat->system);
	slash_new(chat, "");
}

static void slash_retry(struct chat *chat, const char *argument)
{
	(void)argument;
	if (chat->conversation)
		app_ask(chat->app, chat->conversation, NULL, 0);
	else
		app_say(chat->app, "there is nothing to answer again yet");
}

static void slash_show(struct chat *chat, const char *argument)
{
	CLEANUP(error_unrefp) aichat_error *error = NULL;
	CLEANUP(messages_unrefp) aichat_messages *messages = NULL;
	struct app *app = chat->app;

	(void)argument;
	if (!chat->conversation)
		return;
	if (aichat_conversation_path(chat->conversation, 0, &messages, &error) < 0) {
		app_fail(app, error);
		return;
	}
	for (size_t n = 0; n < aichat_messages_count(messages); n++)
		print_text.message(app, aichat_messages_at(messages, n));
}

static void slash_quit(struct chat *chat, const char *argument)
{
	(void)argument;
	chat->leave = true;
}

static const struct slash slashes[] = {
	{ "help", "", "this list", slash_help },
	{ "model", "[NAME]", "show the model, or ask another from now on", slash_model },
	{ "system", "[TEXT]", "a new conversation with this system prompt",
	  slash_system },
	{ "retry", "", "answer the last question again", slash_retry },
	{ "new", "", "a new conversation", slash_new },
	{ "show", "", "print the conversation", slash_show },
	{ "quit", "", "leave", slash_quit },
};

static const struct slash *slash_at(size_t n)
{
	return n < sizeof(slashes) / sizeof(*slashes) ? &slashes[n] : NULL;
}

static void run_slash(struct chat *chat, const char *text)
{
	size_t len = strcspn(text, " \t\n");
	const char *argument = text + len + strspn(text + len, " \t\n");
	const struct slash *slash;

	for (size_t i = 0; (slash = slash_at(i)); i++)
		if (strlen(slash->name) == len && memcmp(slash->name, text, len) == 0) {
			slash->run(chat, argument);
			return;
		}
	app_say(chat->app, "there is no /%.*s; /help lists what there is",
		len < 40 ? (int)len : 40, text);
}

static void say(struct chat *chat, const char *text, size_t len)
{
	if (!text[strspn(text, " \t\r\n")])
		return;
	if (text[0] == '/' && text[1] != '/') {
		run_slash(chat, text + 1);
		return;
	}
	if (text[0] == '/') {
		text++;
		len--;
	}
	if (!chat->conversation &&
	    app_new_conversation(chat->app, &chat->conversation) != STATUS_OK)
		return;
	app_ask(chat->app, chat->conversation, text, len);
}

static int converse(struct chat *chat, struct editor *editor)
{
	struct app *app = chat->app;

	while (!chat->leave && !app->out.error) {
		CLEANUP(freep) char *text = NULL;
		size_t len = 0;
		enum edited what = editor_read(editor, &text, &len);
		if (what == EDITED_NOMEM)
			return app_nomem(app);
		if (what == EDITED_END)
			break;
		app->out.mid_line = app->err.mid_line = false;
		if (what == EDITED_LINE)
			say(chat, text, len);
		if (interrupt_signal() && interrupt_signal() != SIGINT)
			return 128 + interrupt_signal();
		interrupt_forget();
	}
	if (interrupt_signal())
		return 128 + interrupt_signal();
	if (!chat->leave)
		out_text(&app->out, "\n", 1);
	return STATUS_OK;
}

int app_chat(struct app *app)
{
	struct chat chat = { .app = app };
	const struct args *args = &app->args;

	int status = app_open_to_ask(app);
	if (status == STATUS_OK && (args_has(args, 'c') || args_has(args, 'I')))
		status = app_conversation(app, args_value(args, 'I'), &chat.conversation);
	if (status != STATUS_OK)
		return status;
	const char *why = NULL;
	struct editor *editor = editor_new(!args_has(args, 'n'), &why);
	if (!editor) {
		aichat_conversation_unref(chat.conversation);
		if (why)
			app_say(app,
				"a chat needs libedit: %s; install the package "
				"libedit2",
				why);
		else
			app_say(app, "this terminal cannot be used for a chat");
		return STATUS_FAILED;
	}
	app->in_chat = true;
	interrupt_defer(true);
	status = converse(&chat, editor);
	interrupt_defer(false);
	editor_free(editor);
	aichat_conversation_unref(chat.conversation);
	free(chat.model);
	free(chat.system);
	return status;
}

static int run(struct app *app)
{
	if (app->args.word_count)
		return app_usage(app,
				 "`chat` takes no words; to ask them: aichat ask chat "
				 "%s%s",
				 app->args.words[0],
				 app->args.word_count > 1 ? " ..." : "");
	if (!isatty(STDIN_FILENO) || !app->out.tty)
		return app_usage(app, "`chat` needs a terminal");
	return app_chat(app);
}

const struct command command_chat = {
	.name = "chat",
	.arguments = "",
	.summary = "talk on the terminal; `aichat` alone does the same",
	.takes = "mscIn",
	.about = "In a chat, /help shows what can be done.\n",
	.run = run,
};
