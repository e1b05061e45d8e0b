// SPDX-License-Identifier: Apache-2.0
#include "http/server.hpp"

#include <atomic>
#include <fstream>
#include <stdexcept>

#include <gmock/gmock.h>

#include "http/client.hpp"
#include "loop_thread.hpp"

namespace meshd::http {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

const base::SocketAddress any_port = *base::SocketAddress::parse("127.0.0.1:0");

// Says what it was asked.
Response echo(const Request& request) {
    std::string body = request.method + " " + request.path;
    for (const auto& [key, value] : request.query) body.append(" ").append(key).append("=").append(value);
    return {200, body + " " + std::to_string(request.body.size()) + " bytes", "text/plain", {{"X-Test", "yes"}}};
}

class UnixServer : public testing::Test {
protected:
    RawClient client() { return RawClient::unix_socket(path_); }

    TemporaryDirectory directory_;
    std::string path_ = directory_.file("control.sock");
};

TEST_F(UnixServer, AnswersARequest) {
    const ServerThread server(UnixSocket{path_, 0660, {}, {}}, answer_at_once(echo));
    auto raw = client();
    raw.send("GET /v1/status?a=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const auto answer = raw.read_to_end();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain\r\n"));
    EXPECT_THAT(answer, HasSubstr("X-Test: yes\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\nGET /v1/status a=1 0 bytes"));
    EXPECT_TRUE(raw.ended());
}

TEST_F(UnixServer, KeepsTheConnectionForTheNextRequest) {
    const ServerThread server(UnixSocket{path_, 0660, {}, {}}, answer_at_once(echo));
    auto raw = client();
    for (int round = 0; round < 3; ++round) {
        raw.send("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
        EXPECT_THAT(raw.read_until("3 bytes"), EndsWith("POST /x 3 bytes"));
    }
}

TEST_F(UnixServer, AnswersPipelinedRequestsInOrder) {
    const ServerThread server(UnixSocket{path_, 0660, {}, {}}, answer_at_once(echo));
    auto raw = client();
    raw.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const auto answers = raw.read_to_end();
    EXPECT_LT(answers.find("GET /1"), answers.find("GET /2"));
    EXPECT_THAT(answers, EndsWith("GET /2 0 bytes"));
}

TEST_F(UnixServer, KeepsAnHttp10ConnectionOnlyWhenAsked) {
    const ServerThread server(UnixSocket{path_, 0660, {}, {}}, answer_at_once(echo));
    auto once = client();
    once.send("GET / HTTP/1.0\r\n\r\n");
    EXPECT_THAT(once.read_to_end(), EndsWith("0 bytes"));
    EXPECT_TRUE(once.ended());
    auto kept = client();
    kept.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_THAT(kept.read_until("0 bytes"), HasSubstr("Connection: keep-alive\r\n"));
}

TEST_F(UnixServer, WaitsForARequestThatComesInPieces) {
    const ServerThread server(UnixSocket{path_, 0660, {}, {}}, answer_at_once(echo));
    auto raw = client();
    for (const char letter : std::string("PUT /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd")) {
        ASSERT_TRUE(raw.send({&letter, 1}));
        std::this_thread::yield();
    }
    EXPECT_THAT(raw.read_until("4 bytes"), EndsWith("PUT /slow 4 bytes"));
}

TEST_F(UnixServer, ReadsAChunkedBody) {
    const ServerThread server(UnixSocket{path_, 0660, {}, {}}, answer_at_once(echo));
    auto raw = client();
    raw.send("POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    EXPECT_THAT(raw.read_until("5 bytes"), EndsWith("POST /x 5 bytes"));
}

TEST_F(UnixServer, TellsAClientThatExpectsItToContinue) {
    const ServerThread server(UnixSocket{path_, 0660, {}, {}}, answer_at_once(echo));
    auto raw = client();
    raw.send("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(raw.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    raw.send("abc");
    EXPECT_THAT(raw.read_until("3 bytes"), EndsWith("POST /x 3 bytes"));
}

TEST_F(UnixServer, AnswersHeadWithoutABody) {
    const ServerThread server(UnixSocket{path_, 0660, {}, {}}, answer_at_once(echo));
    auto raw = client();
    raw.send("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const auto answer = raw.read_to_end();
    EXPECT_THAT(answer, HasSubstr("Content-Length: 14\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

struct BadRequest {
    const char* name;
    std::string bytes;
    const char* status;
};
std::ostream& operator<<(std::ostream& out, const BadRequest& row) { return out << row.name; }

class Refuses : public testing::TestWithParam<BadRequest> {};
TEST_P(Refuses, AndGoesOnServing) {
    const TemporaryDirectory directory;
    const auto path = directory.file("s");
    std::atomic<int> calls = 0;
    ServerLimits limits;
    limits.header_bytes = 1024;
    limits.body_bytes = 100;
    const ServerThread server(
        UnixSocket{path, 0660, {}, {}},
        [&calls](const Request& request, const Respond& respond) {
            ++calls;
            respond(echo(request));
        },
        limits);
    auto bad = RawClient::unix_socket(path);
    bad.send(GetParam().bytes);
    bad.shut_down_sending();
    const auto answer = bad.read_to_end();
    EXPECT_THAT(answer, StartsWith(GetParam().status));
    EXPECT_TRUE(bad.ended());
    EXPECT_EQ(calls, 0);

    auto good = RawClient::unix_socket(path);
    good.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(good.read_until("0 bytes"), StartsWith("HTTP/1.1 200"));
}

INSTANTIATE_TEST_SUITE_P(
    Table, Refuses,
    testing::Values(
        BadRequest{"garbage", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), "HTTP/1.1 400"},
        BadRequest{"noise", "hello, is this meshd?\r\n\r\n", "HTTP/1.1 400"},
        BadRequest{"no version", "GET /\r\n\r\n", "HTTP/1.1 400"},
        BadRequest{"bad version", "GET / HTTP/9.9\r\n\r\n", "HTTP/1.1 400"},
        BadRequest{"bad field", "GET / HTTP/1.1\r\nHost\r\n\r\n", "HTTP/1.1 400"},
        BadRequest{"bad length", "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 400"},
        BadRequest{"two lengths", "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "HTTP/1.1 400"},
        BadRequest{"bad chunk", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 400"},
        BadRequest{"bad target", "GET status HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400"},
        BadRequest{"bad escape", "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400"},
        BadRequest{"half a header", "GET / HTTP/1.1\r\nHost", "HTTP/1.1 400"},
        BadRequest{"half a body", "PUT / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc", "HTTP/1.1 400"},
        BadRequest{"long header", "GET / HTTP/1.1\r\nX: " + std::string(2000, 'x') + "\r\n\r\n", "HTTP/1.1 431"},
        BadRequest{"endless header", "GET /" + std::string(5000, 'x'), "HTTP/1.1 431"},
        BadRequest{"long body", "PUT / HTTP/1.1\r\nContent-Length: 101\r\n\r\n" + std::string(101, 'x'), "HTTP/1.1 413"},
        BadRequest{"huge length", "PUT / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n", "HTTP/1.1 413"},
        BadRequest{"long chunks", "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n80\r\n" + std::string(128, 'x') + "\r\n",
                   "HTTP/1.1 413"}));

TEST_F(UnixServer, TellsAClientWhyItsLargeBodyIsRefusedThoughItIsStillSending) {
    ServerLimits limits;
    limits.body_bytes = 1000;
    const ServerThread server(UnixSocket{path_, 0660, {}, {}}, answer_at_once(echo), limits);
    const auto answer = Client(path_).request("POST", "/x", std::string(4 << 20, 'x'));
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(answer->status, 413U);
    EXPECT_EQ(answer->body, "the body is longer than 1000 bytes\n");
}

TEST_F(UnixServer, ClosesAConnectionThatSaysNothing) {
    ServerLimits limits;
    limits.read_timeout = std::chrono::milliseconds(50);
    ServerThread server(UnixSocket{path_, 0660, {}, {}}, answer_at_once(echo), limits);
    auto silent = client();
    auto slow = client();
    slow.send("GET / HTTP/1.1\r\nHo");
    EXPECT_EQ(silent.read_to_end(), "");
    EXPECT_EQ(slow.read_to_end(), "");
    EXPECT_TRUE(silent.ended() && slow.ended());
}

TEST_F(UnixServer, ServesOthersWhileOneClientDoesNotRead) {
    const std::string large(8 << 20, 'x');
    const ServerThread server(UnixSocket{path_, 0660, {}, {}}, answer_at_once([&large](const Request& request) {
                                  return request.path == "/large" ? Response{200, large, "text/plain", {}} : echo(request);
                              }));
    auto stuck = client();
    stuck.send("GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    for (int round = 0; round < 10; ++round) EXPECT_TRUE(Client(path_).request("GET", "/"));
    const auto answer = stuck.read_to_end();
    EXPECT_EQ(answer.size() - answer.find("\r\n\r\n") - 4, large.size());
}

TEST_F(UnixServer, EndsAConnectionWhoseClientNeverReads) {
    ServerLimits limits;
    limits.write_timeout = std::chrono::milliseconds(50);
    ServerThread server(UnixSocket{path_, 0660, {}, {}}, answer_at_once([](const Request&) {
                            return Response{200, std::string(8 << 20, 'x'), "text/plain", {}};
                        }),
                        limits);
    auto stuck = client();
    stuck.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    bool was_there = false;
    while (std::chrono::steady_clock::now() < deadline) {
        const auto connections = server.connections();
        was_there = was_there || connections == 1;
        if (was_there && connections == 0) return;
    }
    FAIL() << "the connection is still there";
}

TEST_F(UnixServer, LetsConnectionsBeyondTheLimitWait) {
    ServerLimits limits;
    limits.connections = 2;
    ServerThread server(UnixSocket{path_, 0660, {}, {}}, answer_at_once(echo), limits);
    auto first = std::make_unique<RawClient>(client());
    auto second = client();
    for (auto* one : {first.get(), &second}) {
        one->send("GET /in HTTP/1.1\r\nHost: x\r\n\r\n");
        EXPECT_THAT(one->read_until("0 bytes"), HasSubstr("200 OK"));
    }
    auto third = client();
    third.send("GET /third HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(server.connections(), 2U);
    first.reset();
    EXPECT_THAT(third.read_until("0 bytes"), EndsWith("GET /third 0 bytes"));
    EXPECT_EQ(server.connections(), 2U);
}

TEST_F(UnixServer, SaysWhoAsks) {
    std::optional<Peer> seen;
    {
        const ServerThread server(UnixSocket{path_, 0660, {}, {}}, answer_at_once([&seen](const Request& request) {
                                      seen = request.peer;
                                      return Response{};
                                  }));
        EXPECT_TRUE(Client(path_).request("GET", "/"));
    }
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->pid, ::getpid());
    EXPECT_EQ(seen->uid, ::getuid());
    EXPECT_EQ(seen->gid, ::getgid());
    std::vector<gid_t> groups(static_cast<std::size_t>(::getgroups(0, nullptr)));
    ::getgroups(static_cast<int>(groups.size()), groups.data());
    EXPECT_EQ(seen->groups, groups);
}

TEST_F(UnixServer, GivesTheSocketItsModeAndGroup) {
    const ServerThread server(UnixSocket{path_, 0640, ::getuid(), ::getgid()}, answer_at_once(echo));
    struct stat found {};
    ASSERT_EQ(::lstat(path_.c_str(), &found), 0);
    EXPECT_TRUE(S_ISSOCK(found.st_mode));
    EXPECT_EQ(found.st_mode & 07777U, 0640U);
    EXPECT_EQ(found.st_gid, ::getgid());
}

TEST_F(UnixServer, ReplacesAStaleSocketAndRemovesItsOwn) {
    {
        const base::UniqueFd left_behind(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::copy(path_.begin(), path_.end(), address.sun_path);
        ASSERT_EQ(::bind(left_behind.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    ASSERT_TRUE(std::filesystem::exists(path_));
    {
        const ServerThread server(UnixSocket{path_, 0660, {}, {}}, answer_at_once(echo));
        EXPECT_TRUE(Client(path_).request("GET", "/"));
    }
    EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(UnixServer, LeavesASocketThatReplacedItsOwn) {
    auto first = std::make_unique<ServerThread>(UnixSocket{path_, 0660, {}, {}}, answer_at_once(echo));
    const ServerThread second(UnixSocket{path_, 0660, {}, {}}, answer_at_once(echo));
    first.reset();
    EXPECT_TRUE(Client(path_).request("GET", "/"));
}

TEST_F(UnixServer, DoesNotReplaceAFileThatIsNoSocket) {
    std::ofstream(path_) << "precious";
    boost::asio::io_context loop;
    const auto server = Server::listen(loop, UnixSocket{path_, 0660, {}, {}}, answer_at_once(echo));
    ASSERT_FALSE(server);
    EXPECT_THAT(server.error().message(), HasSubstr("something that is no socket stands there"));
    EXPECT_EQ(std::filesystem::file_size(path_), 8U);
}

TEST_F(UnixServer, RefusesAPathThatIsTooLong) {
    boost::asio::io_context loop;
    EXPECT_EQ(Server::listen(loop, UnixSocket{"/" + std::string(108, 'x'), 0660, {}, {}}, answer_at_once(echo)).error().code,
              ENAMETOOLONG);
}

TEST_F(UnixServer, AnswersLater) {
    Respond waiting;
    ServerThread server(UnixSocket{path_, 0660, {}, {}},
                        [&waiting](const Request&, Respond respond) { waiting = std::move(respond); });
    auto raw = client();
    raw.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    bool has_arrived = false;
    while (!has_arrived) server.on_loop([&] { has_arrived = waiting != nullptr; });
    server.on_loop([&] { waiting({202, "later", "text/plain", {}}); });
    EXPECT_THAT(raw.read_to_end(), EndsWith("later"));
    server.on_loop([&] { waiting({200, "twice", "text/plain", {}}); });  // is ignored
    server.on_loop([&] { waiting = nullptr; });
}

TEST_F(UnixServer, ClosesTheConnectionOfARequestThatNobodyAnswers) {
    const ServerThread server(UnixSocket{path_, 0660, {}, {}}, [](const Request&, const Respond&) {});
    auto raw = client();
    raw.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(raw.read_to_end(), "");
    EXPECT_TRUE(raw.ended());
}

TEST_F(UnixServer, MayBeAnsweredAfterItsEnd) {
    Respond waiting;
    {
        ServerThread server(UnixSocket{path_, 0660, {}, {}},
                            [&waiting](const Request&, Respond respond) { waiting = std::move(respond); });
        auto raw = client();
        raw.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        bool has_arrived = false;
        while (!has_arrived) server.on_loop([&] { has_arrived = waiting != nullptr; });
    }
    waiting({});
}

TEST_F(UnixServer, AnswersForAHandlerThatThrows) {
    const ServerThread server(UnixSocket{path_, 0660, {}, {}},
                              answer_at_once([](const Request&) -> Response { throw std::runtime_error("on purpose"); }));
    const auto answer = Client(path_).request("GET", "/");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 500U);
    EXPECT_THAT(answer->body, HasSubstr("on purpose"));
}

TEST(TcpServer, ListensOnAFreePortAndSaysWhich) {
    ServerThread server(any_port, answer_at_once(echo));
    EXPECT_EQ(server.server().address().address.text(), "127.0.0.1");
    ASSERT_NE(server.server().address().port, 0);
    auto raw = RawClient::tcp(server.server().address().port);
    raw.send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(raw.read_to_end(), EndsWith("GET /metrics 0 bytes"));
}

TEST(TcpServer, ServesASocketThatListensAlready) {
    for (const auto* const address : {"127.0.0.1:0", "[::]:0"}) {
        boost::asio::io_context loop;
        auto listening = listen_on(*base::SocketAddress::parse(address));
        ASSERT_TRUE(listening);
        const auto server = Server::serve(loop, std::move(listening->fd), answer_at_once(echo));
        ASSERT_TRUE(server);
        EXPECT_EQ((*server)->address(),
                  (base::SocketAddress{base::SocketAddress::parse(address)->address, listening->address.port}));
        std::thread thread([&loop] { loop.run_for(std::chrono::seconds(60)); });
        auto raw = RawClient::tcp(listening->address.port);
        raw.send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        EXPECT_THAT(raw.read_to_end(), EndsWith("GET /metrics 0 bytes"));
        loop.stop();
        thread.join();
    }
}

TEST(TcpServer, KnowsNoPeer) {
    std::optional<Peer> seen = Peer{};
    {
        ServerThread server(any_port, answer_at_once([&seen](const Request& request) {
                                seen = request.peer;
                                return Response{};
                            }));
        auto raw = RawClient::tcp(server.server().address().port);
        raw.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        EXPECT_THAT(raw.read_to_end(), StartsWith("HTTP/1.1 200"));
    }
    EXPECT_FALSE(seen);
}

TEST(TcpServer, ListensOnIpv6) {
    ServerThread server(*base::SocketAddress::parse("[::1]:0"), answer_at_once(echo));
    EXPECT_NE(server.server().address().port, 0);
}

TEST(TcpServer, SaysWhenThePortIsTaken) {
    ServerThread first(any_port, answer_at_once(echo));
    boost::asio::io_context loop;
    const auto second = Server::listen(loop, first.server().address(), answer_at_once(echo));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, EADDRINUSE);
    EXPECT_THAT(second.error().message(), HasSubstr(first.server().address().text()));
}

}  // namespace
}  // namespace meshd::http
