// Prints every pose of a stream as one JSON line. Usage: listen [ADDRESS] [STREAM] [COUNT]
// With a publisher that has keys, set CURVE_SERVER, CURVE_PUBLIC and CURVE_SECRET (Z85 texts).
// Reads msgpack, which a publisher writes unless it was told --encoding json.
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>
#include <msgpack.hpp>
#include <zmq.h>

struct OtherVersion : std::runtime_error { using std::runtime_error::runtime_error; };
using Map = std::map<std::string, msgpack::object>;

static const msgpack::object &field(const Map &map, const char *name) {
    auto found = map.find(name);
    if (found == map.end()) throw std::runtime_error(std::string("no field ") + name);
    return found->second;
}

static void option(void *socket, int name, int value) { zmq_setsockopt(socket, name, &value, sizeof value); }

static void *subscribe(void *context, const char *address, const std::string &stream) {
    void *socket = zmq_socket(context, ZMQ_SUB);
    option(socket, ZMQ_LINGER, 0);
    option(socket, ZMQ_RCVHWM, 1000);
    option(socket, ZMQ_TCP_KEEPALIVE, 1);
    for (int name : {ZMQ_TCP_KEEPALIVE_IDLE, ZMQ_TCP_KEEPALIVE_INTVL, ZMQ_TCP_KEEPALIVE_CNT}) option(socket, name, 2);
    option(socket, ZMQ_RECONNECT_IVL, 100);
    const int64_t largest = 1 << 20;
    zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &largest, sizeof largest);
    if (const char *server = std::getenv("CURVE_SERVER")) {
        const char *own = std::getenv("CURVE_PUBLIC"), *secret = std::getenv("CURVE_SECRET");
        if (!own || !secret) throw std::runtime_error("set CURVE_PUBLIC and CURVE_SECRET as well");
        zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server, std::strlen(server));
        zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, own, std::strlen(own));
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, secret, std::strlen(secret));
    }
    const std::string topic = "pose3d/" + stream;
    zmq_setsockopt(socket, ZMQ_SUBSCRIBE, topic.c_str(), topic.size() + 1);  // with its NUL
    if (zmq_connect(socket, address) != 0) throw std::runtime_error(zmq_strerror(zmq_errno()));
    return socket;
}

// The whole line, so that nothing is printed of a message that turns out to be damaged.
static std::string line(const Map &pose) {
    std::ostringstream out;
    out.precision(9);
    out << "{\"seq\": " << field(pose, "seq").as<uint64_t>() << ", \"persons\": [";
    const char *comma = "";
    for (const Map &person : field(pose, "persons").as<std::vector<Map>>()) {
        auto joints = field(person, "joints").as<std::vector<std::array<float, 3>>>();
        if (joints.size() != 17) throw std::runtime_error("not 17 joints");
        out << comma << "{\"id\": " << field(person, "id").as<uint64_t>() << ", \"joints\": [";
        for (size_t i = 0; i < joints.size(); ++i) {
            if (!std::isfinite(joints[i][0] + joints[i][1] + joints[i][2])) throw std::runtime_error("not a number");
            out << (i ? ", [" : "[") << joints[i][0] << ", " << joints[i][1] << ", " << joints[i][2] << "]";
        }
        out << "]}";
        comma = ", ";
    }
    return out.str() + "]}";
}

int main(int argc, char **argv) try {
    const char *address = argc > 1 ? argv[1] : "tcp://127.0.0.1:5556";
    const long count = argc > 3 ? std::atol(argv[3]) : 0;
    void *context = zmq_ctx_new(), *socket = subscribe(context, address, argc > 2 ? argv[2] : "main");
    std::vector<char> data(1 << 20);
    for (long received = 0; count == 0 || received < count;) {
        const int size = zmq_recv(socket, data.data(), data.size(), 0);
        if (size < 0) throw std::runtime_error(zmq_strerror(zmq_errno()));
        try {
            const void *nul = std::memchr(data.data(), 0, size_t(size));
            if (!nul) throw std::runtime_error("no NUL after the topic");
            size_t body = size_t(static_cast<const char *>(nul) + 1 - data.data());
            auto handle = msgpack::unpack(data.data(), size_t(size), body);
            const Map pose = handle.get().as<Map>();
            if (field(pose, "v").as<int>() != 1) throw OtherVersion("this client speaks version 1 alone");
            std::puts(line(pose).c_str());
            std::fflush(stdout);
            ++received;
        } catch (const OtherVersion &) { throw;
        } catch (const std::exception &error) {
            std::fprintf(stderr, "skipped a message: %s\n", error.what());
        }
    }
    zmq_close(socket);
    zmq_ctx_term(context);
} catch (const std::exception &error) {
    std::fprintf(stderr, "listen: %s\n", error.what());
    return 1;
}
