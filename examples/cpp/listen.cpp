// Prints every pose of a stream as one JSON line. Usage: listen [ADDRESS] [STREAM] [COUNT]
// With a publisher that has keys, set CURVE_SERVER, CURVE_PUBLIC and CURVE_SECRET (Z85 texts).
// Reads msgpack, which a publisher writes unless it was told --encoding json.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <msgpack.hpp>
#include <zmq.h>

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
    option(socket, ZMQ_HEARTBEAT_IVL, 2000);
    option(socket, ZMQ_HEARTBEAT_TIMEOUT, 6000);
    option(socket, ZMQ_RECONNECT_IVL, 100);
    option(socket, ZMQ_RECONNECT_IVL_MAX, 5000);
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

static void print(const Map &pose) {
    std::printf("{\"seq\": %llu, \"persons\": [", (unsigned long long)field(pose, "seq").as<uint64_t>());
    const char *comma = "";
    for (const Map &person : field(pose, "persons").as<std::vector<Map>>()) {
        auto joints = field(person, "joints").as<std::vector<std::array<float, 3>>>();
        if (joints.size() != 17) throw std::runtime_error("not 17 joints");
        std::printf("%s{\"id\": %llu, \"joints\": [", comma, (unsigned long long)field(person, "id").as<uint64_t>());
        for (size_t i = 0; i < joints.size(); ++i)
            std::printf("%s[%.9g, %.9g, %.9g]", i ? ", " : "", joints[i][0], joints[i][1], joints[i][2]);
        std::printf("]}");
        comma = ", ";
    }
    std::printf("]}\n");
}

int main(int argc, char **argv) try {
    const char *address = argc > 1 ? argv[1] : "tcp://127.0.0.1:5556";
    const long count = argc > 3 ? std::atol(argv[3]) : 0;
    void *context = zmq_ctx_new(), *socket = subscribe(context, address, argc > 2 ? argv[2] : "main");
    for (long received = 0; count == 0 || received < count;) {
        zmq_msg_t message;
        zmq_msg_init(&message);
        if (zmq_msg_recv(&message, socket, 0) < 0) throw std::runtime_error(zmq_strerror(zmq_errno()));
        const char *data = static_cast<const char *>(zmq_msg_data(&message));
        const size_t size = zmq_msg_size(&message);
        const char *nul = static_cast<const char *>(std::memchr(data, 0, size));
        try {
            if (!nul) throw std::runtime_error("no NUL after the topic");
            size_t body = size_t(nul + 1 - data);
            auto handle = msgpack::unpack(data, size, body);
            const Map pose = handle.get().as<Map>();
            if (field(pose, "v").as<int>() != 1) throw std::runtime_error("this client speaks version 1 alone");
            print(pose);
            ++received;
        } catch (const std::exception &error) {
            std::fprintf(stderr, "skipped a message: %s\n", error.what());
        }
        zmq_msg_close(&message);
    }
    zmq_close(socket);
    zmq_ctx_term(context);
} catch (const std::exception &error) {
    std::fprintf(stderr, "listen: %s\n", error.what());
    return 1;
}
