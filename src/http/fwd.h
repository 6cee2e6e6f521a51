// Forward declarations of http.
#pragma once

namespace riacho::http {
struct BodyPiece;
struct BodyPlan;
class BodyReader;
class BodyWriter;
class Client;
struct ClientOptions;
struct ClientReply;
struct ClientRequest;
class Handler;
struct HeaderField;
class HeaderList;
struct ListenError;
class Mux;
struct Pace;
class Request;
struct SendError;
struct Response;
class Server;
struct ServerOptions;
struct ServerStats;
struct TlsOptions;
}  // namespace riacho::http
