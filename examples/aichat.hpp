/*
 * libaichat for C++17 in one small header: owners that free themselves, errors as
 * exceptions, and a reply as a range of events.
 *
 *     ai::context context{ai::options{}.load()};
 *     ai::conversation chat = context.new_conversation();
 *     for (const ai::event &event : chat.send("Hello!"))
 *             std::cout << event.text();
 *
 * An example and not an API: it is not installed and no version of it is promised. Copy
 * it into your program and make it yours. What a function does, whether it blocks and
 * which threads may call it say the C headers; every type gives its C object with get().
 */
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <aichat/aichat.h>

namespace ai {

/* What a call or a reply failed with. */
class error : public std::runtime_error {
      public:
	error(int code, const aichat_error *detail)
		: std::runtime_error(detail ? aichat_error_message(detail)
					    : aichat_error_text(code)),
		  code_(code), http_status_(aichat_error_http_status(detail)),
		  retry_after_ms_(aichat_error_retry_after_ms(detail))
	{
	}
	/* AICHAT_E... */
	int code() const noexcept { return code_; }
	/* 0 if no provider answered. */
	int http_status() const noexcept { return http_status_; }
	/* When the provider wants to be asked again; -1 if it did not say. */
	std::int64_t retry_after_ms() const noexcept { return retry_after_ms_; }

      private:
	int code_, http_status_;
	std::int64_t retry_after_ms_;
};

/* Calls f(aichat_error **) and throws what it fails with; else gives its result. */
template <typename Function> int checked(Function f)
{
	aichat_error *raw = nullptr;
	int result = f(&raw);
	std::unique_ptr<aichat_error, decltype(&aichat_error_unref)> detail(
		raw, aichat_error_unref);

	if (result < 0)
		throw error(result, detail.get());
	return result;
}

/* The one owner of a C object. */
template <typename Object, Object *(*release)(Object *)> class owner {
      public:
	Object *get() const noexcept { return object_.get(); }

      protected:
	explicit owner(Object *object) : object_(object) {}

      private:
	struct deleter {
		void operator()(Object *object) const { release(object); }
	};
	std::unique_ptr<Object, deleter> object_;
};

/* A string that the library made for us. */
inline std::string taken(char *text, std::size_t len)
{
	std::unique_ptr<char, decltype(&aichat_free)> memory(text, aichat_free);

	return std::string(text, len);
}

class options : public owner<aichat_options, aichat_options_free> {
      public:
	options() : owner(aichat_options_new())
	{
		if (!get())
			throw error(AICHAT_ENOMEM, nullptr);
	}
	/* The user's configuration file and environment; what is set already stays. */
	options &load(const char *path = nullptr)
	{
		checked([&](auto e) { return aichat_options_load(get(), path, e); });
		return *this;
	}
	options &set(const char *name, std::string_view value)
	{
		checked([&](auto e) {
			return aichat_options_set(get(), name, value.data(),
						  std::int64_t(value.size()), e);
		});
		return *this;
	}
};

/* One more reference to a message. */
class message : public owner<aichat_message, aichat_message_unref> {
      public:
	explicit message(aichat_message *borrowed) : owner(aichat_message_ref(borrowed))
	{
	}
	std::string id() const { return aichat_message_id(get()); }
	int role() const { return aichat_message_role(get()); }
	std::string text() const
	{
		char *text = nullptr;
		std::size_t len = 0;

		checked([&](auto) { return aichat_message_text(get(), &text, &len); });
		return taken(text, len);
	}
};

/* What the loop body sees; good until the next turn of the loop. */
class event {
      public:
	explicit event(const aichat_event *raw) : raw_(raw) {}
	const aichat_event *get() const noexcept { return raw_; }
	int type() const { return aichat_event_type(raw_); }
	/* The reply's words; nothing for events that are no text. */
	std::string_view text() const
	{
		return type() == AICHAT_EVENT_TEXT ? piece() : std::string_view();
	}
	/* The piece of text, reasoning or arguments that it carries. */
	std::string_view piece() const
	{
		return { aichat_event_text(raw_), aichat_event_text_len(raw_) };
	}

      private:
	const aichat_event *raw_;
};

class reply : public owner<aichat_reply, aichat_reply_unref> {
      public:
	explicit reply(aichat_reply *owned) : owner(owned) {}
	std::string id() const { return aichat_reply_id(get()); }

	/* Readable exactly when next(0) would give an event. */
	int fd()
	{
		int fd = -1;

		checked([&](auto e) { return aichat_reply_fd(get(), &fd, e); });
		return fd;
	}
	void cancel()
	{
		checked([&](auto e) { return aichat_reply_cancel(get(), e); });
	}
	void tool_result(const char *call_id, std::string_view text, bool failed = false)
	{
		checked([&](auto e) {
			return aichat_reply_tool_result(get(), call_id, text.data(),
							std::int64_t(text.size()), failed,
							e);
		});
	}
	/*
	 * The next event, or nothing when the reply is over or the time is, which over()
	 * tells apart. Throws what the reply failed with.
	 */
	std::optional<event> next(std::int64_t timeout_ms = -1)
	{
		const aichat_event *raw = nullptr;
		int result = aichat_reply_next(get(), timeout_ms, &raw);

		over_ = result == 0;
		if (result == 0 || result == AICHAT_EAGAIN)
			return std::nullopt;
		if (result < 0)
			throw error(result, nullptr);
		if (aichat_event_type(raw) == AICHAT_EVENT_ERROR) {
			const aichat_error *why = aichat_event_error(raw);
			throw error(aichat_error_code(why), why);
		}
		return event(raw);
	}
	bool over() const noexcept { return over_; }

	struct sentinel {};
	class iterator {
	      public:
		explicit iterator(reply &from) : from_(from) { ++*this; }
		const event &operator*() const { return *now_; }
		iterator &operator++()
		{
			now_ = from_.next();
			return *this;
		}
		bool operator!=(sentinel) const { return now_.has_value(); }

	      private:
		reply &from_;
		std::optional<event> now_;
	};
	iterator begin() { return iterator(*this); }
	sentinel end() { return {}; }

      private:
	bool over_ = false;
};

class conversation : public owner<aichat_conversation, aichat_conversation_unref> {
      public:
	explicit conversation(aichat_conversation *owned) : owner(owned) {}
	std::string id() const { return aichat_conversation_id(get()); }

	reply send(std::string_view text)
	{
		aichat_reply *raw = nullptr;

		checked([&](auto e) {
			return aichat_conversation_send(get(), text.data(),
							std::int64_t(text.size()),
							nullptr, &raw, e);
		});
		return reply(raw);
	}
	void set_tools(std::string_view json)
	{
		checked([&](auto e) {
			return aichat_conversation_set_tools(
				get(), json.data(), std::int64_t(json.size()), e);
		});
	}
	/* From the first message to the head. */
	std::vector<message> path()
	{
		aichat_messages *raw = nullptr;
		std::vector<message> path;

		checked([&](auto e) {
			return aichat_conversation_path(get(), 0, &raw, e);
		});
		std::unique_ptr<aichat_messages, decltype(&aichat_messages_unref)> list(
			raw, aichat_messages_unref);
		for (std::size_t i = 0; i < aichat_messages_count(raw); i++)
			path.emplace_back(aichat_messages_at(raw, i));
		return path;
	}
};

class context : public owner<aichat, aichat_close> {
      public:
	/* In memory, and nothing of the user's is read. */
	context() : owner(open(nullptr)) {}
	explicit context(const options &options) : owner(open(options.get())) {}

	conversation new_conversation()
	{
		aichat_conversation *raw = nullptr;

		checked([&](auto e) {
			return aichat_conversation_new(get(), nullptr, &raw, e);
		});
		return conversation(raw);
	}
	conversation open_conversation(const char *id)
	{
		aichat_conversation *raw = nullptr;

		checked([&](auto e) {
			return aichat_conversation_open(get(), id, &raw, e);
		});
		return conversation(raw);
	}

      private:
	static aichat *open(const aichat_options *options)
	{
		aichat *raw = nullptr;

		checked([&](auto e) { return aichat_open(options, &raw, e); });
		return raw;
	}
};

} // namespace ai
