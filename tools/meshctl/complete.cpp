// SPDX-License-Identifier: Apache-2.0
#include "complete.hpp"

#include <chrono>
#include <cstdlib>
#include <map>
#include <ostream>

#include <CLI/CLI.hpp>

#include "agent.hpp"
#include "failure.hpp"
#include "tls/key_kind.hpp"

namespace meshd::meshctl {

namespace {

// A person waits for it.
constexpr std::chrono::milliseconds patience{1000};

using Words = std::vector<std::string>;

const std::string files = ":files";
const std::string services = ":services";
const std::string backends = ":backends";
const std::string registries = ":registries";
const std::string identities = ":identities";
const std::string announcements = ":announcements";
const std::string objects = ":objects";

// What stands for the value of an option, and for the first word that belongs to a command itself.
const std::map<std::string, Words> option_values{{"--output", {"table", "wide", "json", "yaml"}},
                                                 {"--service", {services}},
                                                 {"--protocol", {"tcp", "udp"}},
                                                 {"--identity", {identities}},
                                                 {"--state", {"opening", "established", "closing", "closed", "reset", "failed"}},
                                                 {"--source", {"client", "server", "device", "forwarding"}},
                                                 {"--sort", {"age", "bytes", "rtt", "retransmits", "connect", "response"}},
                                                 {"--socket", {files}},
                                                 {"--file", {files}},
                                                 {"--config", {files}},
                                                 {"--store", {registries}},
                                                 {"--password-file", {files}},
                                                 {"--token-file", {files}},
                                                 {"--certificate", {files}},
                                                 {"--key", {files}},
                                                 {"--authorities", {files}},
                                                 {"--revoked", {files}},
                                                 {"--csr", {files}},
                                                 {"--out", {files}},
                                                 {"--key-out", {files}},
                                                 {"--key-type", {tls::key_kinds.begin(), tls::key_kinds.end()}},
                                                 {"--kubeconfig", {files}}};
const std::map<std::string, Words> argument_values{{"service show", {services}},
                                                   {"backend drain", {backends}},
                                                   {"backend maint", {backends}},
                                                   {"backend ready", {backends}},
                                                   {"backend reset", {backends}},
                                                   {"policy check", {"any"}},
                                                   {"tls check", {services}},
                                                   {"registry show", {registries}},
                                                   {"registry sync", {registries}},
                                                   {"announcement drain", {announcements}},
                                                   {"announcement ready", {announcements}},
                                                   {"get", {objects}},
                                                   {"delete", {objects}},
                                                   {"certificate show", {files}},
                                                   {"ca init", {files}},
                                                   {"ca issue", {files}},
                                                   {"ca token", {files}},
                                                   {"ca show", {files}},
                                                   {"ca revoke", {files}},
                                                   {"ca rotate", {files}},
                                                   {"config check", {files}},
                                                   {"config diff", {files}},
                                                   {"config schema", {"settings", "registry"}},
                                                   {"log level", {"trace", "debug", "info", "warn", "error"}}};

// Where the last word stands on the command line.
struct Place {
    const CLI::App* command = nullptr;
    std::string path;                     // "service show"
    const CLI::Option* option = nullptr;  // the last word is its value
    std::string socket;                   // as the words before name it
};

const CLI::Option* option_named(const CLI::App* command, const std::string& word) {
    for (; command != nullptr; command = command->get_parent())
        if (const auto* const option = command->get_option_no_throw(word)) return option;
    return nullptr;
}

const std::function<bool(const CLI::App*)> any = [](const CLI::App*) { return true; };

const CLI::App* subcommand_named(const CLI::App* command, const std::string& word) {
    for (const auto* subcommand : command->get_subcommands(any))
        if (subcommand->get_name() == word) return subcommand;
    return nullptr;
}

Place place_of(const CLI::App& app, const Words& words) {
    const auto* const from_environment = std::getenv("MESHD_SOCKET");
    Place place{&app, {}, nullptr, from_environment != nullptr ? from_environment : "/run/meshd/control.sock"};
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        const auto& word = words[i];
        if (place.option != nullptr) {
            if (place.option->check_name("--socket")) place.socket = word;
            place.option = nullptr;
        } else if (word.starts_with("--socket=")) {
            place.socket = word.substr(9);
        } else if (word.starts_with('-')) {
            const auto* const option = option_named(place.command, word);
            if (option != nullptr && option->get_items_expected_max() > 0) place.option = option;
        } else if (const auto* const next = subcommand_named(place.command, word)) {
            place.command = next;
            place.path += (place.path.empty() ? "" : " ") + word;
        }
    }
    return place;
}

Words options_of(const CLI::App* command) {
    Words names;
    for (; command != nullptr; command = command->get_parent())
        for (const auto* option : command->get_options())
            for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    return names;
}

// Of everything in a list of the agent: "/v1/services" and "services".
Words names_of(const std::string& socket, const std::string& list) {
    Words names;
    const auto answer = Agent(socket, patience).get("/v1/" + list);
    if (!answer) return names;
    for (const auto& one : array_at(*answer, list))
        if (one.is_object()) names.push_back(text_at(one.get_object(), "name"));
    return names;
}

Words backend_names(const std::string& socket) {
    Words names;
    const auto answer = Agent(socket, patience).get("/v1/backends");
    if (!answer) return names;
    for (const auto& row : array_at(*answer, "backends"))
        if (const auto* const backend = row.if_object())
            names.push_back(text_at(*backend, "service") + "/" +
                            endpoint_text(text_at(*backend, "address"), number_at(*backend, "backend_port")));
    return names;
}

// Of a store, as far as the agent knows: what it has from other registries than files.
Words object_names(const std::string& socket) {
    Words names{"service", "policy", "settings", "file"};
    const Agent agent(socket, patience);
    const auto add = [&](const char* target, const char* list, const std::string& kind) {
        const auto answer = agent.get(target);
        if (!answer) return;
        for (const auto& one : array_at(*answer, list))
            if (one.is_object() && !text_at(one.get_object(), "source").starts_with("file:"))
                names.push_back(kind + text_at(one.get_object(), "name"));
    };
    add("/v1/services", "services", "service/");
    add("/v1/policy", "rules", "policy/");
    return names;
}

Words candidates(const Place& place, const std::string& word) {
    if (place.option == nullptr && word.starts_with('-')) return options_of(place.command);
    Words words;
    if (place.option == nullptr)
        for (const auto* command : place.command->get_subcommands(any)) words.push_back(command->get_name());
    const auto& values = place.option != nullptr ? option_values : argument_values;
    const auto key = place.option != nullptr ? "--" + place.option->get_single_name() : place.path;
    if (const auto found = values.find(key); found != values.end()) words = found->second;
    if (words == Words{backends}) return backend_names(place.socket);
    if (words == Words{objects}) return object_names(place.socket);
    if (words == Words{registries}) return names_of(place.socket, "registries");
    if (words == Words{identities}) return names_of(place.socket, "identities");
    if (words == Words{announcements}) return names_of(place.socket, "announcements");
    return words == Words{services} ? names_of(place.socket, "services") : words;
}

}  // namespace

int complete(const CLI::App& app, const std::vector<std::string>& arguments, std::ostream& out) {
    Words words(arguments.begin() + 1, arguments.end());
    if (!words.empty() && words.front() == "--") words.erase(words.begin());
    if (words.empty()) words.emplace_back();
    const auto& last = words.back();
    std::set<std::string> shown;
    for (const auto& candidate : candidates(place_of(app, words), last))
        if ((candidate.starts_with(last) || candidate == files) && shown.insert(candidate).second) out << candidate << '\n';
    return static_cast<int>(ExitCode::done);
}

}  // namespace meshd::meshctl
