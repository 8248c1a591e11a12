-- A turn as a good team writes it in a day: one transaction for each message, five statements, the
-- service's own tables. Row-level security does not hold for the one who runs it.
\set n random(1, :conversations)
\set id random(1, 9000000000000000000)
begin;
insert into seen (org_id, account_id, hash, at)
values ('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002', decode(md5(:id::text), 'hex'), now())
    on conflict do nothing;
select seq, state from conversations
 where org_id = '00000000-0000-4000-8000-000000000001' and conversation_id = md5(:n::text)::uuid
   for update \gset
insert into messages (org_id, conversation_id, seq, inbound, kind, body, at, provider_id, cause, why)
values ('00000000-0000-4000-8000-000000000001', md5(:n::text)::uuid, :seq + 1, true, 'text', 'where is my order?', now(), 'wamid.' || :id, null, ''),
       ('00000000-0000-4000-8000-000000000001', md5(:n::text)::uuid, :seq + 2, false, 'text',
        '{"kind":"list","body":"What can I do for you?","label":"Choose","rows":[{"id":"f1.menu.main.orders","title":"My orders"},{"id":"f1.menu.main.track","title":"Track a parcel"},{"id":"f1.menu.main.help","title":"Help"}]}',
        now(), null, :seq + 1, 'menu/main');
insert into outbox (org_id, lane_id, conversation_id, seq, due_at)
values ('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002', md5(:n::text)::uuid, :seq + 2, now());
update conversations
   set seq = seq + 2, state = '{"v":"0123456789abcdef","at":"menu/main"}', at_rest = false, last_inbound_at = now(), last_turn_at = now()
 where org_id = '00000000-0000-4000-8000-000000000001' and conversation_id = md5(:n::text)::uuid;
commit;
