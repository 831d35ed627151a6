/*
 * A chat in C++17, with the small wrapper of aichat.hpp: nothing to free, and whatever
 * fails is an exception.
 *
 *     c++ -std=c++17 raii.cpp $(pkg-config --cflags --libs libaichat) -o raii
 *     OPENAI_API_KEY=... ./raii "Name a river." "And a longer one?"
 */

#include <iostream>

#include "aichat.hpp"

int main(int argc, char **argv)
try {
	ai::context context{ ai::options{}.load() };
	ai::conversation chat = context.new_conversation();

	for (int i = 1; i < argc; i++) {
		ai::reply reply = chat.send(argv[i]);
		for (const ai::event &event : reply)
			std::cout << event.text() << std::flush;
		std::cout << '\n';
	}
	std::cout << chat.path().size() << " messages\n";
	return 0;
} catch (const ai::error &error) {
	std::cerr << error.what() << " (" << aichat_error_name(error.code()) << ")\n";
	return 1;
}
