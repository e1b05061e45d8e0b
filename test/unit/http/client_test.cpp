// SPDX-License-Identifier: Apache-2.0
#include "http/client.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>

#include "loop_thread.hpp"

namespace meshd::http {
namespace {

class ClientTest : public testing::Test {
protected:
    TemporaryDirectory directory_;
    std::string path_ = directory_.file("s");
};

TEST_F(ClientTest, SendsABodyAndReadsALargeAnswer) {
    const ServerThread server(UnixSocket{path_, 0660, {}, {}}, answer_at_once([](const Request& request) {
                                  return Response{201, request.body + request.body, "text/x-test", {}};
                              }));
    const std::string body(10 << 20, 'b');
    const auto answer = Client(path_).request("POST", "/v1/plan", body);
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(answer->status, 201U);
    EXPECT_EQ(answer->content_type, "text/x-test");
    EXPECT_EQ(answer->body.size(), 2 * body.size());
}

TEST_F(ClientTest, TellsAMissingSocket) {
    const auto answer = Client(path_).request("GET", "/");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ENOENT);
    EXPECT_EQ(answer.error().message(), "cannot connect to " + path_ + ": No such file or directory");
}

TEST_F(ClientTest, TellsASocketThatNobodyListensOn) {
    {
        const base::UniqueFd left_behind(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::copy(path_.begin(), path_.end(), address.sun_path);
        ASSERT_EQ(::bind(left_behind.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    EXPECT_EQ(Client(path_).request("GET", "/").error().code, ECONNREFUSED);
}

TEST_F(ClientTest, TellsASocketThatItMayNotUse) {
    const ServerThread server(UnixSocket{path_, 0000, {}, {}}, answer_at_once([](const Request&) { return Response{}; }));
    // Root may use every socket, so a child asks as nobody.
    const auto child = ::fork();
    if (child == 0) {
        const bool is_nobody = ::getuid() != 0 || ::setuid(65534) == 0;
        const auto answer = Client(path_).request("GET", "/");
        ::_exit(is_nobody && !answer && answer.error().code == EACCES ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

TEST_F(ClientTest, GivesUpAfterItsTimeout) {
    std::vector<Respond> kept;
    const ServerThread server(UnixSocket{path_, 0660, {}, {}},
                              [&kept](const Request&, Respond respond) { kept.push_back(std::move(respond)); });
    const auto answer = Client(path_, std::chrono::milliseconds(50)).request("GET", "/");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ETIMEDOUT);
}

TEST_F(ClientTest, TellsAServerThatEndsWithoutAnAnswer) {
    const ServerThread server(UnixSocket{path_, 0660, {}, {}}, [](const Request&, const Respond&) {});
    const auto answer = Client(path_).request("GET", "/");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ECONNRESET);
}

TEST_F(ClientTest, TellsAnAnswerThatIsNotHttp) {
    const base::UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(path_.begin(), path_.end(), address.sun_path);
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    std::thread other([&listener] {
        const base::UniqueFd accepted(::accept(listener.get(), nullptr, nullptr));
        static_cast<void>(::send(accepted.get(), "220 mail.example ready\r\n", 24, MSG_NOSIGNAL));
        char buffer[4096];
        while (::recv(accepted.get(), buffer, sizeof buffer, 0) > 0) {
        }
    });
    const auto answer = Client(path_).request("GET", "/");
    other.join();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, EPROTO);
}

}  // namespace
}  // namespace meshd::http
