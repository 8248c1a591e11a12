#include "webhooks/event_out.h"

#include "bot/base/json.h"
#include "webhooks/rfc3339.h"
#include "webhooks/svix.h"

static json_t *data_of(const struct event_out *event, struct err *err)
{
    json_t *data = NULL;

    if (!json_read(event->data, &data, err)) {
        err->code = ERR_BROKEN;
        return NULL;
    }
    if (!json_is_object(data)) {
        json_decref(data);
        (void)err_raise(err, ERR_BROKEN, "an event's data is no object");
        return NULL;
    }
    json_set_text(data, "customer_id", event->customer_id);
    json_set_text(data, "customer", event->customer);
    return data;
}

static struct str body_of(struct arena *into, const struct event_out *event, struct err *err)
{
    struct str sequence = arena_format(into, "%010lld", (long long)event->sequence);
    OWNED_JSON(envelope) = json_object();
    json_t *data = data_of(event, err);

    if (data == NULL)
        return STR_NONE;
    json_set_text(envelope, "specversion", STR("1.0"));
    json_set_text(envelope, "id", event->id);
    json_set_text(envelope, "source", event->source);
    json_set_text(envelope, "type", event->type);
    json_set_text(envelope, "subject", event->subject);
    json_set_text(envelope, "time", rfc3339_write(into, event->time));
    json_set_text(envelope, "sequence", sequence);
    json_set_text(envelope, "datacontenttype", STR("application/json"));
    json_object_set_new(envelope, "data", data);
    return json_write(into, envelope);
}

bool event_out_encode(struct arena *into, const struct event_out *event,
                      const struct event_endpoint *endpoint, usec_t now,
                      struct http_request *request, struct err *err)
{
    struct http_header *headers = arena_array(into, struct http_header, 4);
    struct str body = body_of(into, event, err), at, signature;

    if (body.len == 0)
        return err_wrap(err, "event %.*s", STR_ARG(event->id));
    at = arena_format(into, "%lld", (long long)(now / USEC_PER_SEC));
    signature = svix_sign(into, endpoint->secret, event->id, at, body);
    if (signature.len == 0)
        return err_raise(err, ERR_BROKEN, "the endpoint's secret is malformed");
    if (endpoint->secret_before.len > 0) {
        signature = arena_concat(into, signature, STR(" "),
                                 svix_sign(into, endpoint->secret_before, event->id, at, body));
    }
    headers[0] = (struct http_header){STR("Content-Type"),
                                      STR("application/cloudevents+json; charset=utf-8")};
    headers[1] = (struct http_header){STR("webhook-id"), event->id};
    headers[2] = (struct http_header){STR("webhook-timestamp"), at};
    headers[3] = (struct http_header){STR("webhook-signature"), signature};
    *request = (struct http_request){.method = "POST",
                                     .url = endpoint->url,
                                     .headers = headers,
                                     .n_headers = 4,
                                     .body = body,
                                     .repeatable = true}; /* its id tells a repetition */
    return true;
}

enum event_fate event_out_judge(const struct http_answer *answer, struct arena *into,
                                struct str *reason, usec_t *hold)
{
    int status = answer->fate == HTTP_ANSWERED ? answer->status : 0;

    *hold = answer->retry_after;
    if (status >= 200 && status < 300)
        return EVENT_DELIVERED;
    if (*hold == 0 && (status == 429 || status == 502 || status == 503 || status == 504))
        *hold = -1;
    if (status > 0) {
        *reason = arena_format(into, "answered %d", status);
    } else {
        *reason = answer->fate == HTTP_UNKNOWN ? STR("no answer") : STR("not reached");
    }
    return status == 410 ? EVENT_GONE : EVENT_FAILED;
}
