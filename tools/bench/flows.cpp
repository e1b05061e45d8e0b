// SPDX-License-Identifier: Apache-2.0
// Many connections at once, every byte checked: the client of the stress tests, and the echo server that it talks to.
#include <charconv>
#include <csignal>
#include <iostream>
#include <stdexcept>
#include <string_view>

#include <boost/json.hpp>

#include "drive.hpp"
#include "serve.hpp"
#include "sockets.hpp"

namespace meshd::bench {

namespace json = boost::json;

namespace {

constexpr const char* usage =
    "usage: bench-flows serve ADDRESS:PORT\n"
    "       bench-flows drive ADDRESS:PORT [--connections N] [--churn N] [--interval-ms N] [--give-up-ms N]\n"
    "drive prints \"ready\" when its connections stand. SIGUSR1: no more connects; SIGTERM: check what is out, print the "
    "outcome, end.\n";

Orders orders;

void on_signal(int number) {
    if (number == SIGUSR1)
        orders.no_more_connects = true;
    else
        orders.stop = true;
}

void listen_to_signals() {
    struct sigaction action {};
    action.sa_handler = on_signal;
    for (const int number : {SIGUSR1, SIGTERM, SIGINT})
        if (::sigaction(number, &action, nullptr) != 0) throw_errno("sigaction");
}

int parse_number(std::string_view text) {
    int value = -1;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || stop != text.data() + text.size() || value < 0)
        throw std::invalid_argument("expected a number, found \"" + std::string(text) + '"');
    return value;
}

Load parse_load(int argc, char** argv) {
    Load load;
    load.target = parse_endpoint(argv[2]);
    for (int i = 3; i + 1 < argc; i += 2) {
        const std::string_view option = argv[i];
        const int value = parse_number(argv[i + 1]);
        if (option == "--connections")
            load.connections = value;
        else if (option == "--churn")
            load.churn = value;
        else if (option == "--interval-ms")
            load.interval = std::chrono::milliseconds(value);
        else if (option == "--give-up-ms")
            load.give_up = std::chrono::milliseconds(value);
        else
            throw std::invalid_argument("unknown option " + std::string(option));
    }
    return load;
}

json::object to_json(const Outcome& outcome) {
    return {{"established", outcome.established},
            {"failed", outcome.failed},
            {"broken", outcome.broken},
            {"idle_at_the_end", outcome.idle_at_the_end},
            {"bytes_checked", outcome.bytes_checked},
            {"least_bytes", outcome.least_bytes},
            {"churned", outcome.churned},
            {"churn_failed", outcome.churn_failed},
            {"errors", json::value_from(outcome.errors)}};
}

void run(int argc, char** argv) {
    const std::string_view verb = argc > 2 ? argv[1] : "";
    listen_to_signals();
    if (verb == "serve") {
        serve(parse_endpoint(argv[2]), orders.stop);
    } else if (verb == "drive") {
        const auto outcome = drive(parse_load(argc, argv), orders, [] { std::cout << "ready" << std::endl; });
        std::cout << json::serialize(to_json(outcome)) << std::endl;
    } else {
        throw std::invalid_argument("say what to do");
    }
}

}  // namespace

}  // namespace meshd::bench

int main(int argc, char** argv) {
    try {
        meshd::bench::run(argc, argv);
        return 0;
    } catch (const std::invalid_argument& error) {
        std::cerr << "bench-flows: " << error.what() << '\n' << meshd::bench::usage;
        return 2;
    } catch (const std::exception& error) {
        std::cerr << "bench-flows: " << error.what() << '\n';
        return 1;
    }
}
