#include "http/handler.h"

namespace riacho::http {

BodyPlan Handler::on_head(const Request&) { return {}; }

Response Handler::overloaded(const Request&) {
    Response response;
    response.status = 503;
    return response;
}

}  // namespace riacho::http
