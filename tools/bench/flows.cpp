// SPDX-License-Identifier: Apache-2.0
// Many connections at once, every byte checked: the client of the stress tests, and the echo server that it talks to.
#include <csignal>
#include <iostream>
#include <stdexcept>
#include <string_view>

#include <boost/json.hpp>

#include "arguments.hpp"
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

bool set(Load& load, std::string_view option, std::string_view text) {
    const int value = parse_number(option, text, 0);
    if (option == "--connections")
        load.connections = value;
    else if (option == "--churn")
        load.churn = value;
    else if (option == "--interval-ms")
        load.interval = std::chrono::milliseconds(value);
    else if (option == "--give-up-ms")
        load.give_up = std::chrono::milliseconds(value);
    else
        return false;
    return true;
}

Load parse_load(int argc, char** argv) {
    Load load;
    load.target = parse_endpoint(argv[2]);
    parse_arguments(
        {argv + 3, static_cast<std::size_t>(argc - 3)},
        [&](std::string_view option, std::string_view value) { return set(load, option, value); },
        [](std::string_view operand) { throw std::invalid_argument("one address is enough: \"" + std::string(operand) + '"'); });
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
    return meshd::bench::run_tool("bench-flows", meshd::bench::usage, [&] {
        meshd::bench::run(argc, argv);
        return 0;
    });
}
