// SPDX-License-Identifier: Apache-2.0
#include "app/log.hpp"

#include <cstdlib>
#include <memory>

#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace meshd::app {

namespace {

constexpr std::size_t kept_lines = 500;
constexpr auto full_pattern = "%Y-%m-%dT%H:%M:%S.%e meshd %l: %v";

const std::shared_ptr<spdlog::sinks::ringbuffer_sink_mt>& tail() {
    static const auto sink = std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(kept_lines);
    return sink;
}

spdlog::level::level_enum level_of(config::LogLevel level) {
    switch (level) {
        case config::LogLevel::trace:
            return spdlog::level::trace;
        case config::LogLevel::debug:
            return spdlog::level::debug;
        case config::LogLevel::warn:
            return spdlog::level::warn;
        case config::LogLevel::error:
            return spdlog::level::err;
        case config::LogLevel::info:
            break;
    }
    return spdlog::level::info;
}

}  // namespace

void start_log(config::LogLevel level) {
    const auto logger = spdlog::stderr_logger_mt("meshd");
    const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;  // NOLINT(concurrency-mt-unsafe): before any thread
    logger->set_pattern(journal ? "%l: %v" : full_pattern);
    tail()->set_pattern(full_pattern);
    logger->sinks().push_back(tail());
    spdlog::set_default_logger(logger);
    set_log_level(level);
}

void set_log_level(config::LogLevel level) { spdlog::set_level(level_of(level)); }

std::vector<std::string> last_log_lines() {
    auto lines = tail()->last_formatted();
    for (auto& line : lines)
        while (!line.empty() && line.back() == '\n') line.pop_back();
    return lines;
}

}  // namespace meshd::app
