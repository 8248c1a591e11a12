-- A file by the API takes more than one transaction (bot/api_photos.c). Its first asks, as api_run does for all
-- else: may the key still do it, was it done already, and to which order.

-- An answer, or without a status the order to go on with. `request` is a hash of what was asked: the file and all
-- that is said of it, however it was packed.
create function api_file_begin(the_org uuid, the_key uuid, idem text, request bytea, the_number text, at timestamptz,
                               out status int4, out body jsonb, out the_order uuid)
    volatile language plpgsql set lock_timeout = '5s' as $$
declare
    before api_answers;
    refusal api_answer;
begin
    if not exists (select from api_keys x where x.org_id = the_org and x.key_id = the_key and x.revoked_at is null) then
        refusal := api_error(401, 'unauthorized', 'this key is not valid');
    end if;
    the_order := order_numbered(the_org, the_number);
    if refusal is null and the_order is null then
        refusal := api_error(404, 'not_found', 'there is no such order');
    end if;
    if refusal is null and idem is not null then
        insert into api_answers (org_id, key_id, idem, request, at)
        values (the_org, the_key, api_file_begin.idem, api_file_begin.request, api_file_begin.at)
            on conflict do nothing;
        if not found then
            select a.* into before from api_answers a
             where a.org_id = the_org and a.key_id = the_key and a.idem = api_file_begin.idem;
            if before.request <> api_file_begin.request then
                refusal := api_error(422, 'idempotency_key_reused', 'this Idempotency-Key was used for another request');
            elsif before.status is not null then -- else who began has not come to an end: it is gone on with
                refusal := (before.status, null, before.body)::api_answer;
            end if;
        end if;
    end if;
    status := refusal.status;
    body := refusal.body;
end
$$;

revoke execute on function api_file_begin from public;
grant execute on function api_file_begin to parley_staff;
