-- What is known of WhatsApp's templates, and what became of news, for a terminal: store/templates.c.

-- name: templates_accounts
select org_id, external_id, app from directory where kind = 'whatsapp_business'
 order by org_id, external_id limit 1000;

-- name: templates_known
-- $1 org  $2 WhatsApp business account
select t.name, t.language, t.status, t.category, t.quality, t.reason, t.updated_at
  from whatsapp_templates t
 where t.org_id = $1::uuid and t.account = $2::text
 order by t.name, t.language limit 10000;

-- name: templates_note
-- What Meta answered.
-- $1 org  $2 account  $3 name  $4 language  $5 status  $6 category  $7 when (microseconds)
select count(template_changed($1::uuid, $2::text, $3::text, $4::text, $5::text, $6::text, null, null,
                              timestamptz 'epoch' + $7::int8 * interval '1 microsecond'));

-- name: notices_list
-- What became of news, the newest first.
-- $1 org  $2 a customer's number, null: everybody's  $3 state, null: any  $4 since (microseconds)  $5 at most
select n.made_at, n.due_at, n.state_at, n.kind, n.topic, n.cause, n.state, p.channel, n.template,
       m.delivery, case when m.reason is not null then m.reason
                        when m.error <> 0 then 'error ' || m.error end,
       coalesce(o.number, n.detail ->> 'number', n.detail ->> 'invoice', n.detail ->> 'ticket')
  from notices n
  left join orders o on o.org_id = n.org_id and o.order_id = n.order_id
  left join conversations c on c.org_id = n.org_id and c.conversation_id = n.conversation_id
  left join contact_points p on p.org_id = c.org_id and p.contact_id = c.contact_id
  left join messages m on m.org_id = n.org_id and m.conversation_id = n.conversation_id and m.seq = n.seq
 where n.org_id = $1::uuid
   and n.made_at >= timestamptz 'epoch' + $4::int8 * interval '1 microsecond'
   and ($2::text is null or n.customer_id in (select f.customer_id from customer_phones f
                                               where f.org_id = $1::uuid and f.phone = $2::text))
   and ($3::text is null or n.state = $3::text)
 order by n.made_at desc
 limit $5::int4;
