-- A small shop to try Parley on: Larkfield Goods, which sells things for bicycles, repairs them
-- and builds wheels to order. Everyone and everything here is made up; the numbers are of the
-- ranges kept for fiction.
--
-- Run in one transaction with parley.org_id and these set: seed.phone_number_id,
-- seed.business_account_id, seed.app, seed.phone, seed.sms_number, seed.mail_address, seed.pictures
-- (where the photos are; empty: the website). All times are relative to now. Whatever is there already stays as it is.

create function pg_temp.id(what text) returns uuid immutable language sql as $$
    select md5('larkfield/' || what)::uuid
$$;
create function pg_temp.org() returns uuid stable language sql as $$
    select current_setting('parley.org_id')::uuid
$$;

insert into businesses (org_id, name, language, time_zone, currency, country, email, phone,
                        website, privacy_url, settings)
values (pg_temp.org(), 'Larkfield Goods', 'en', 'America/New_York', 'USD', 'US',
        'hello@larkfield.example', '+15550100100', 'https://larkfield.example',
        'https://larkfield.example/privacy', '{"hours": "Mon-Fri 9-18, Sat 10-14", "review_links": [
            {"name": "Google", "url": "https://g.example/larkfield/review"},
            {"name": "Yelp", "url": "https://yelp.example/biz/larkfield"},
            {"name": "Facebook", "url": "https://facebook.example/larkfield/reviews"}]}')
    on conflict do nothing;

insert into accounts (org_id, account_id, channel, external_id, address, app)
values (pg_temp.org(), pg_temp.id('whatsapp'), 'whatsapp',
        current_setting('seed.phone_number_id'), current_setting('seed.phone'),
        current_setting('seed.app'))
    on conflict (org_id, account_id) do update
   set external_id = excluded.external_id, address = excluded.address, app = excluded.app;

insert into accounts (org_id, account_id, channel, external_id, address)
select pg_temp.org(), pg_temp.id('sms'), 'sms', n, n
  from (select current_setting('seed.sms_number') as n) s
 where n <> ''
    on conflict (org_id, account_id) do update
   set external_id = excluded.external_id, address = excluded.address;

insert into directory (kind, external_id, org_id, account_id)
select 'sms', n, pg_temp.org(), pg_temp.id('sms')
  from (select current_setting('seed.sms_number') as n) s
 where n <> ''
    on conflict (kind, external_id) do update set account_id = excluded.account_id;

insert into accounts (org_id, account_id, channel, external_id, address)
select pg_temp.org(), pg_temp.id('email'), 'email', a, a
  from (select current_setting('seed.mail_address') as a) s
 where a <> ''
    on conflict (org_id, account_id) do update
   set external_id = excluded.external_id, address = excluded.address;

insert into directory (kind, external_id, org_id, account_id)
select 'email', a, pg_temp.org(), pg_temp.id('email')
  from (select current_setting('seed.mail_address') as a) s
 where a <> ''
    on conflict (kind, external_id) do update set account_id = excluded.account_id;

-- Its CRM: crm.apps.demo may speak for this source.
insert into directory (kind, external_id, org_id, app)
values ('crm', 'https://crm.lark.example', pg_temp.org(), 'demo')
    on conflict (kind, external_id) do nothing;

insert into directory (kind, external_id, org_id, account_id, app)
select kind, external_id, pg_temp.org(), account_id, current_setting('seed.app')
  from (values
    ('whatsapp', current_setting('seed.phone_number_id'), pg_temp.id('whatsapp')),
    ('whatsapp_business', current_setting('seed.business_account_id'), null)
  ) d (kind, external_id, account_id)
 where external_id <> ''
    on conflict (kind, external_id) do update
   set account_id = excluded.account_id, app = excluded.app;

insert into workflow_states (org_id, workflow, status, position, phase, in_transit, progress)
select pg_temp.org(), s.*
  from (values
    ('shop',   'processing',        1, 'active',    false, 25),
    ('shop',   'shipped',           2, 'active',    true,  70),
    ('shop',   'delivered',         3, 'done',      false, 100),
    ('shop',   'cancelled',         4, 'cancelled', false, 0),
    ('repair', 'received',          1, 'active',    false, 10),
    ('repair', 'in_progress',       2, 'active',    false, 40),
    ('repair', 'waiting_for_parts', 3, 'active',    false, 55),
    ('repair', 'ready',             4, 'active',    false, 90),
    ('repair', 'completed',         5, 'done',      false, 100),
    ('job',    'not_started',       1, 'active',    false, 0),
    ('job',    'in_progress',       2, 'active',    false, 45),
    ('job',    'quality_check',     3, 'active',    false, 75),
    ('job',    'ready_for_pickup',  4, 'active',    false, 90),
    ('job',    'completed',         5, 'done',      false, 100)
  ) s (workflow, status, position, phase, in_transit, progress)
    on conflict do nothing;

-- --- people ----------------------------------------------------------------------------------

create temp table seed_person on commit drop as
select pg_temp.id('customer/' || n) as customer_id, p.*
  from (values
    (1,  '+15550100001',  'Amelia Hart',         'en', '',                     '14 Quarry Lane, Burlington, VT 05401'),
    (2,  '+15550100002',  'Lucía Fernández',     'es', '',                     '220 Ocean Ave, Apt 5, Miami, FL 33130'),
    (3,  '+15550100003',  'Zofia Kowalczyk',     'pl', 'Kowalczyk Rowery',     '78 Greenpoint Ave, Brooklyn, NY 11222'),
    (4,  '+15550100004',  'ليلى منصور',          'ar', '',                     '9 Cedar Court, Dearborn, MI 48126'),
    (5,  '+15550100005',  'Oliver Bennett',      'en', '',                     '3 Mill Road, Ithaca, NY 14850'),
    (6,  '+15550100006',  'Grace Lindqvist',     'en', '',                     '51 Harbor St, Portland, ME 04101'),
    (7,  '+15550100007',  'Mateo Rivas',         'es', '',                     '1812 Mission Blvd, San Diego, CA 92109'),
    (8,  '+15550100008',  'Jakub Nowicki',       'pl', '',                     '640 N Milwaukee Ave, Chicago, IL 60642'),
    (9,  '+15550100009',  'Harriet Osei',        'en', 'Osei Courier Service', '27 Canal Walk, Richmond, VA 23219'),
    (10, '+15550100010',  'Carmen Ortiz Vega',   'es', '',                     '415 Alamo Plaza, San Antonio, TX 78205'),
    (11, '+15550100011',  'يوسف الحداد',         'ar', '',                     '88 Atlantic Ave, Brooklyn, NY 11201'),
    (12, '+15550100012',  'Peter Whitcombe',     'en', '',                     '6 Orchard Close, Amherst, MA 01002'),
    (13, '+15550100013',  'Agnieszka Wrona',     'pl', '',                     '301 Elm St, Buffalo, NY 14203'),
    (14, '+15550100014',  'Noah Adeyemi',        'en', '',                     '1190 Peachtree St, Atlanta, GA 30309'),
    (15, '+447700900115', 'Isla Drummond',       'en', '',                     '2 Fountain Row, Leith EH6 6QQ, UK'),
    (16, '+447700900116', 'Rhys Probert',        'en', 'Probert & Daughter',   '19 Castle Street, Brecon LD3 9DD, UK'),
    (17, '+15550100017',  'Diego Salas',         'es', '',                     '730 Rio Grande Blvd, Albuquerque, NM 87104'),
    (18, '+15550100018',  'مريم العطار',         'ar', '',                     '44 Main St, Paterson, NJ 07505'),
    (19, '+15550100019',  'Beatrice Fontaine',   'en', '',                     '12 Vineyard Way, Napa, CA 94558'),
    (20, '+15550100020',  'Tomasz Zieliński',    'pl', '',                     '905 Pulaski Hwy, Baltimore, MD 21202')
  ) p (n, phone, name, language, company, address);

insert into customers (org_id, customer_id, external_id, name, email, company, language)
select pg_temp.org(), customer_id, 'C-' || to_char(n, 'FM0000'), name,
       'customer' || n || '@example.com', company, language
  from seed_person
    on conflict do nothing;

-- Harriet runs a courier service, and Noah rides for it.
insert into companies (org_id, company_id, name)
values (pg_temp.org(), pg_temp.id('company/osei'), 'Osei Courier Service')
    on conflict do nothing;
update customers set company_id = pg_temp.id('company/osei'),
                     company_admin = customer_id = pg_temp.id('customer/9')
 where org_id = pg_temp.org() and company_id is null
   and customer_id in (pg_temp.id('customer/9'), pg_temp.id('customer/14'));

insert into customer_phones (org_id, phone, customer_id)
select pg_temp.org(), phone, customer_id from seed_person
    on conflict do nothing;

-- --- orders ----------------------------------------------------------------------------------

create temp table seed_product on commit drop as
select p.* from (values
    ('bell',   'Brass bell, hand-spun',                       2450),
    ('rack',   'Front rack, steel, matt black',               8900),
    ('pump',   'Floor pump with gauge',                       4995),
    ('lock',   'Folding lock, 90 cm',                         7400),
    ('tyre',   'Touring tire 37-622, reflective',             3850),
    ('tube',   'Inner tube 28", long valve',                   895),
    ('saddle', 'Leather saddle, honey brown',                12900),
    ('tape',   'Cork bar tape, cream',                        1990),
    ('lamp',   'Dynamo headlamp, 80 lux',                     9950),
    ('bag',    'Waxed canvas saddlebag, 9 l',                14500),
    ('basket', 'Willow basket with leather straps',           6400),
    ('tool',   'Pocket multi-tool, 17 functions',             3299),
    ('wire',   'Brake cable, stainless, by the meter',         240),
    ('service','Full service: strip, clean, grease, true',   13500),
    ('hub',    'Hub gear overhaul',                           9800),
    ('frame',  'Frame repair, brazed dropout',               21000),
    ('brake',  'Brake service, new pads and cables',          5600),
    ('wheel',  'Wheel built to order, 36 spokes',            28900),
    ('paint',  'Frame repaint, two colors with lining',      42000),
    ('fork',   'Fork straightened and re-raked',             11500)
  ) p (code, description, unit);

create temp table seed_order on commit drop as
select pg_temp.id('order/' || number) as order_id, o.*
  from (
    select o.* from (values
      ('ORD-1001',  1, 'shop',   'shipped',           '3 days',    '1 day',   array['lamp:1', 'tube:2']),
      ('ORD-1002',  1, 'shop',   'processing',        '7 hours',   '4 days',  array['bag:1']),
      ('ORD-1003',  1, 'shop',   'delivered',         '41 days',   null,      array['pump:1', 'tyre:2', 'tube:2']),
      ('ORD-1004',  1, 'shop',   'cancelled',         '18 days',   null,      array['basket:1']),
      ('REP-2001',  1, 'repair', 'waiting_for_parts', '9 days',    '6 days',  array['hub:1']),
      ('JOB-3001',  1, 'job',    'quality_check',     '15 days',   '2 days',  array['wheel:2']),
      ('ORD-1005',  2, 'shop',   'shipped',           '4 days',    '2 days',  array['saddle:1', 'tape:1']),
      ('ORD-0907',  2, 'shop',   'delivered',         '75 days',   null,      array['bell:1']),
      ('ORD-1006',  4, 'shop',   'shipped',           '5 days',    '3 hours', array['basket:1', 'bell:1']),
      ('ORD-1007',  4, 'shop',   'delivered',         '23 days',   null,      array['lock:1']),
      ('REP-2002',  4, 'repair', 'ready',             '8 days',    '0 days',  array['brake:1', 'wire:3.5']),
      ('ORD-1008',  6, 'shop',   'processing',        '1 day',     '5 days',  array['rack:1', 'bag:1']),
      ('REP-2003',  6, 'repair', 'in_progress',       '2 days',    '3 days',  array['service:1']),
      ('ORD-1009',  7, 'shop',   'delivered',         '12 days',   null,      array['tool:1', 'tube:3']),
      ('JOB-3002',  7, 'job',    'in_progress',       '20 days',   '10 days', array['paint:1']),
      ('ORD-1010',  8, 'shop',   'shipped',           '2 days',    '2 days',  array['tyre:2']),
      ('REP-2004',  8, 'repair', 'completed',         '33 days',   null,      array['frame:1']),
      ('ORD-1011',  9, 'shop',   'processing',        '3 hours',   '3 days',  array['tyre:10', 'tube:20', 'lock:4']),
      ('ORD-1012',  9, 'shop',   'delivered',         '30 days',   null,      array['lamp:4']),
      ('REP-2005', 10, 'repair', 'received',          '5 hours',   '7 days',  array['brake:1']),
      ('ORD-1013', 10, 'shop',   'cancelled',         '6 days',    null,      array['saddle:1']),
      ('ORD-1014', 11, 'shop',   'shipped',           '3 days',    '1 day',   array['pump:1', 'tool:1']),
      ('JOB-3003', 12, 'job',    'ready_for_pickup',  '28 days',   '0 days',  array['wheel:1']),
      ('ORD-1015', 12, 'shop',   'delivered',         '55 days',   null,      array['tape:2']),
      ('REP-2006', 13, 'repair', 'in_progress',       '4 days',    '4 days',  array['hub:1', 'service:1']),
      ('JOB-3004', 14, 'job',    'not_started',       '1 day',     '30 days', array['fork:1', 'paint:1']),
      ('ORD-1016', 14, 'shop',   'shipped',           '6 days',    '-1 day',  array['rack:1']),
      ('ORD-1017', 15, 'shop',   'shipped',           '7 days',    '4 days',  array['bell:2', 'bag:1']),
      ('JOB-3005', 16, 'job',    'completed',         '64 days',   null,      array['wheel:4']),
      ('ORD-1018', 17, 'shop',   'processing',        '2 days',    '2 days',  array['lamp:1']),
      ('ORD-1019', 18, 'shop',   'delivered',         '9 days',    null,      array['basket:1', 'tape:1']),
      ('REP-2007', 19, 'repair', 'waiting_for_parts', '16 days',   '12 days', array['frame:1']),
      ('ORD-1020', 20, 'shop',   'shipped',           '1 day',     '3 days',  array['lock:1', 'tool:1'])
    ) o (number, person, workflow, status, placed, expected, items)
    union all
    -- A shop that buys from the shop: enough to page through.
    select 'ORD-' || 1100 + i, 3, 'shop',
           case when i > 29 then 'processing' when i > 26 then 'shipped'
                when i % 7 = 0 then 'cancelled' else 'delivered' end,
           (32 - i) * 9 + 1 || ' days',
           case when i > 29 then '6 days' when i > 26 then '2 days' end,
           array[(array['tyre', 'tube', 'pump', 'lock', 'tape', 'tool', 'bell'])[i % 7 + 1]
                     || ':' || i % 5 + 2,
                 (array['lamp', 'saddle', 'rack', 'basket', 'bag'])[i % 5 + 1] || ':1']
      from generate_series(1, 32) i
    union all
    select r.* from (values
      ('REP-2101',  3, 'repair', 'received',          '1 day',     '8 days',  array['service:2']),
      ('REP-2102',  3, 'repair', 'completed',         '90 days',   null,      array['hub:1'])
    ) r
  ) o (number, person, workflow, status, placed, expected, items);

create temp table seed_line on commit drop as
select o.order_id, i.position, p.code, p.description, split_part(i.item, ':', 2)::numeric as qty,
       p.unit, round(p.unit * split_part(i.item, ':', 2)::numeric)::bigint as total
  from seed_order o, unnest(o.items) with ordinality i (item, position)
  join seed_product p on p.code = split_part(i.item, ':', 1);

insert into orders (org_id, order_id, number, customer_id, workflow, status, placed_at,
                    expected_at, delivered_at, currency, subtotal_minor, tax_minor,
                    shipping_minor, total_minor, address, instructions, contact)
select pg_temp.org(), o.order_id, o.number, p.customer_id, o.workflow, o.status, at.placed,
       date_trunc('hour', now() + o.expected::interval),
       case when o.status in ('delivered', 'completed') then at.placed + interval '4 days 5 hours' end,
       'USD', l.subtotal, round(l.subtotal * 0.07), s.shipping,
       l.subtotal + round(l.subtotal * 0.07) + s.shipping, p.address,
       case o.person when 1 then 'Ring twice; leave with the neighbor at no. 16 if nobody answers.'
                     when 9 then 'Loading dock in the rear, weekdays until 16:00.' else '' end,
       case o.workflow when 'shop' then 'Marta' else 'Joaquín, workshop' end || ', +15550100100'
  from seed_order o
  join seed_person p on p.n = o.person
 cross join lateral (select date_trunc('minute', now() - o.placed::interval) as placed) at
 cross join lateral (select sum(total)::bigint as subtotal from seed_line l
                      where l.order_id = o.order_id) l
 cross join lateral (select case when o.workflow <> 'shop' or l.subtotal >= 15000 then 0
                                 else 895 end as shipping) s
    on conflict do nothing;

insert into order_items (org_id, order_id, position, item_code, description, qty, unit_minor,
                         total_minor)
select pg_temp.org(), order_id, position, upper(code), description, qty, unit, total
  from seed_line
    on conflict do nothing;

-- --- what happened ---------------------------------------------------------------------------

-- Every step up to where the order stands, spread over the time that it took. Not every repair
-- waits for parts, and an order that was cancelled was neither shipped nor delivered.
insert into order_events (org_id, order_id, event_id, status, at, note, actor)
select pg_temp.org(), order_id, pg_temp.id('event/' || number || '/' || status), status,
       case when step = 1 then placed_at
            when step = steps and delivered_at is not null then delivered_at
            else date_trunc('minute', placed_at
                     + (coalesce(delivered_at, least(now(), placed_at + interval '6 days'))
                        - placed_at) * (step - 1) / (steps - 0.4)::float8)
       end,
       case status
       when 'processing' then 'We have your order and are packing it.'
       when 'shipped' then 'Handed to the carrier.'
       when 'delivered' then ''
       when 'cancelled' then 'Cancelled as you asked; the payment has been returned.'
       when 'received' then 'Booked in at the workshop.'
       when 'waiting_for_parts' then 'The part is on its way from the maker.'
       when 'ready' then 'Tested on the road. Pick it up whenever it suits you.'
       when 'quality_check' then 'On the stand: measuring tension and run-out.'
       when 'ready_for_pickup' then 'Ready at the counter.'
       else '' end,
       case when status in ('processing', 'shipped', 'cancelled') then 'shop' else 'workshop' end
  from (
    select o.order_id, o.number, o.placed_at, o.delivered_at, w.status,
           row_number() over (partition by o.order_id order by w.position) as step,
           count(*) over (partition by o.order_id) as steps
      from orders o
      join seed_order s on s.order_id = o.order_id
      join workflow_states e
        on e.org_id = o.org_id and e.workflow = o.workflow and e.status = o.status
      join workflow_states w
        on w.org_id = o.org_id and w.workflow = o.workflow and w.position <= e.position
     where w.status = o.status
        or w.phase = 'active'
           and not (o.status = 'cancelled' and w.status = 'shipped')
           and not (w.status = 'waiting_for_parts' and s.person % 2 = 0)
  ) steps
    on conflict do nothing;

insert into order_notes (org_id, order_id, note_id, at, author, body, visible)
select pg_temp.org(), o.order_id, pg_temp.id('note/' || n.number || '/' || n.body),
       o.placed_at + n.after::interval, n.author, n.body, n.visible
  from (values
    ('ORD-1001', '5 hours',  'Marta',  'The lamp comes with the longer bracket, as you asked.', true),
    ('ORD-1001', '6 hours',  'Marta',  'Gave 10 minutes of advice on the phone, charge nothing.', false),
    ('ORD-1005', '1 day',    'Marta',  'The honey saddle was the last one: wrapped twice.', true),
    ('REP-2001', '2 days',   'Joaquín','The axle is worn too; we replace it at no extra cost.', true),
    ('REP-2001', '3 days',   'Joaquín','Supplier late again, look for another one.', false),
    ('JOB-3001', '8 days',   'Joaquín','Rear wheel done, front one is being trued.', true),
    ('REP-2002', '6 days',   'Joaquín','Pads and all cables are new.', true),
    ('REP-2003', '1 day',    'Joaquín','The chain is near its end. Tell us if we should replace it.', true),
    ('ORD-1011', '1 hour',   'Marta',  'Trade customer: check the discount.', false),
    ('ORD-1016', '4 days',   'Marta',  'The carrier reports a delay at the depot. We are sorry.', true),
    ('REP-2101', '6 hours',  'Joaquín','Two bicycles, tags 41 and 42.', true)
  ) n (number, after, author, body, visible)
  join seed_order s on s.number = n.number
  join orders o on o.org_id = pg_temp.org() and o.order_id = s.order_id
    on conflict do nothing;

-- Dates that moved.
update orders o
   set expected_was = o.expected_at - c.by::interval, expected_changed_at = now() - interval '1 day'
  from (values ('REP-2001', '3 days'), ('JOB-3002', '4 days'), ('ORD-1016', '2 days')) c (number, by)
  join seed_order s on s.number = c.number
 where o.org_id = pg_temp.org() and o.order_id = s.order_id and o.expected_was is null;

-- What is done was paid for.
update orders o set paid_minor = o.total_minor
  from seed_order s, workflow_states w
 where o.org_id = pg_temp.org() and o.order_id = s.order_id and w.org_id = o.org_id
   and w.workflow = o.workflow and w.status = o.status and w.phase = 'done' and o.paid_minor = 0;

-- --- invoices --------------------------------------------------------------------------------

-- One of each state for Amelia, three for Lucía, fifteen for the courier service (a contract by the
-- month), and one for each order of the shop that buys from the shop. Where there is no order, the
-- invoice is over one line of its own.
create temp table seed_invoice on commit drop as
select i.*, pg_temp.id('customer/' || i.person) as customer_id
  from (
    select v.* from (values
      ('INV-7001',  1, 'ORD-1003', 41,  -27, 'paid',       '', 0),
      ('INV-7002',  1, 'ORD-1001',  3,   27, 'part',       '', 0),
      ('INV-7003',  1, null,       44,  -14, 'overdue',    'Wheel truing while you wait', 4800),
      ('INV-7004',  1, 'JOB-3001', 15,   15, 'processing', '', 0),
      ('INV-7005',  1, null,        9,    5, 'failed',     'Spare wheel on loan, two weeks', 3600),
      ('INV-7006',  1, 'ORD-1004', 18,   12, 'void',       '', 0),
      ('INV-7007',  1, null,        2,   28, 'open',       'Winter storage of one bicycle', 12000),
      ('INV-7011',  2, 'ORD-1005',  4,   26, 'open',       '', 0),
      ('INV-7012',  2, 'ORD-0907', 75,  -45, 'paid',       '', 0),
      ('INV-7013',  2, null,       39,   -9, 'overdue',    'Child seat on loan, one month', 2500),
      ('INV-7021',  4, 'REP-2002',  1,   13, 'open',       '', 0),
      ('INV-7022',  7, 'JOB-3002', 20,   -6, 'overdue',    '', 0),
      ('INV-7023', 12, 'JOB-3003', 28,    2, 'part',       '', 0),
      ('INV-7024',  8, 'REP-2004', 33,  -19, 'paid',       '', 0)
    ) v (number, person, order_number, issued, due, state, description, unit)
    union all
    select 'INV-' || 7100 + m, 9, null, (15 - m) * 30 + 5, (15 - m) * -30 + 25,
           case when m = 15 then 'open' when m = 14 then 'overdue' else 'paid' end,
           'Care of eight cargo bicycles, one month', 32000
      from generate_series(1, 15) m
    union all
    select replace(o.number, 'ORD-1', 'INV-8'), 3, o.number, floor(extract(epoch from now() - o.placed_at) / 86400)::int,
           30 - floor(extract(epoch from now() - o.placed_at) / 86400)::int,
           case o.status when 'delivered' then 'paid' when 'cancelled' then 'void' else 'open' end, '', 0
      from orders o
     where o.org_id = pg_temp.org() and o.number ~ '^ORD-11[0-9]{2}$'
  ) i (number, person, order_number, issued, due, state, description, unit)
 where not exists (select from invoices x where x.org_id = pg_temp.org() and x.number = i.number);

update customers set credit_limit_minor = l.minor
  from (values (3, 500000), (9, 150000)) l (person, minor)
 where org_id = pg_temp.org() and customer_id = pg_temp.id('customer/' || l.person)
   and credit_limit_minor is null;

create function pg_temp.paid(the_invoice uuid, its_number text, minor bigint, how text, paid timestamptz)
    returns void volatile language plpgsql as $$
begin
    insert into payments (org_id, payment_id, payment_intent, invoice_id, customer_id, minor, currency, method, at)
    select i.org_id, pg_temp.id('payment/' || its_number), 'pi_demo_' || its_number, i.invoice_id, i.customer_id,
           paid.minor, i.currency, how, paid
      from invoices i where i.org_id = pg_temp.org() and i.invoice_id = the_invoice;
    perform ledger_add(pg_temp.org(), the_invoice, 'payment', -minor, 'payment:pi_demo_' || its_number, paid);
end
$$;

create function pg_temp.link(the_invoice uuid, its_number text, its_state text, its_reason text, made timestamptz)
    returns void volatile language sql as $$
    insert into checkouts (org_id, checkout_id, invoice_id, customer_id, minor, currency, state, idempotency_key,
                           session_id, payment_intent, expires_at, reason, made_at, state_at)
    select i.org_id, pg_temp.id('checkout/' || its_number), i.invoice_id, i.customer_id, i.total_minor, i.currency,
           its_state, 'demo/' || its_number, 'cs_demo_' || its_number, 'pi_demo_' || its_number, made + interval '1 day',
           its_reason, made, made
      from invoices i where i.org_id = pg_temp.org() and i.invoice_id = the_invoice
$$;

do $$
declare
    r record;
    i record;
    made timestamptz;
begin
    for r in select s.*, o.order_id, coalesce(o.subtotal_minor, s.unit) as subtotal,
                    coalesce(o.tax_minor, round(s.unit * 0.07)::bigint) as tax,
                    coalesce(o.shipping_minor, 0) as shipping
               from seed_invoice s
               left join orders o on o.org_id = pg_temp.org() and o.number = s.order_number
              order by s.number loop
        made := date_trunc('minute', now() - make_interval(days => r.issued));
        select * into strict i
          from invoice_put(pg_temp.org(), r.customer_id, null, r.number, r.order_id, made::date,
                           (now() + make_interval(days => r.due))::date, 'USD', r.subtotal, r.tax, r.shipping,
                           r.subtotal + r.tax + r.shipping, '',
                           coalesce((select jsonb_agg(jsonb_build_object(
                                         'description', t.description, 'qty', t.qty, 'unit_minor', t.unit_minor,
                                         'total_minor', t.total_minor) order by t.position)
                                       from order_items t
                                      where t.org_id = pg_temp.org() and t.order_id = r.order_id),
                                    jsonb_build_array(jsonb_build_object(
                                         'description', r.description, 'qty', 1, 'unit_minor', r.unit,
                                         'total_minor', r.unit))),
                           r.state = 'void', 'seed', made);
        case r.state
        when 'paid' then
            perform pg_temp.paid(i.invoice_id, r.number, r.subtotal + r.tax + r.shipping, 'card',
                                 made + interval '2 days');
        when 'part' then
            perform pg_temp.paid(i.invoice_id, r.number, 5000, 'card', made + interval '1 hour');
        when 'processing' then
            perform pg_temp.link(i.invoice_id, r.number, 'processing', null, now() - interval '1 day');
        when 'failed' then
            perform pg_temp.link(i.invoice_id, r.number, 'failed', 'insufficient_funds', now() - interval '2 days');
        else
            null;
        end case;
    end loop;
end
$$;

-- --- photos of the work ----------------------------------------------------------------------

insert into order_photos (org_id, order_id, photo_id, category, caption, taken_at, url, visible)
select pg_temp.org(), o.order_id, pg_temp.id('photo/' || p.number || '/' || p.file), p.category,
       p.caption, o.placed_at + p.after::interval,
       coalesce(nullif(current_setting('seed.pictures', true), ''), b.website || '/photos/')
           || p.file, p.visible
  from (values
    ('REP-2001', 'damage',    '2 hours',  'rep-2001-axle.png',    'The worn axle, as it came in', true),
    ('REP-2001', 'damage',    '3 hours',  'rep-2001-cone.png',    'Pitting on the left cone', true),
    ('REP-2001', 'progress',  '3 days',   'rep-2001-hub.png',     'The hub, cleaned', true),
    ('REP-2001', 'progress',  '4 days',   'rep-2001-bench.png',   'For the workshop only', false),
    ('JOB-3001', 'progress',  '7 days',   'job-3001-lacing.png',  'Lacing the rear wheel', true),
    ('JOB-3001', 'progress',  '9 days',   'job-3001-stand.png',   'On the truing stand', true),
    ('REP-2002', 'damage',    '1 hour',   'rep-2002-pads.png',    'Pads at their end', true),
    ('REP-2002', 'completed', '7 days',   'rep-2002-done.png',    'New pads and cables', true),
    ('REP-2003', 'damage',    '4 hours',  'rep-2003-chain.png',   'The chain, stretched by 1 percent', true),
    ('JOB-3002', 'damage',    '1 day',    'job-3002-before.png',  'The old paint', true),
    ('JOB-3002', 'progress',  '12 days',  'job-3002-primer.png',  'Primed', true),
    ('REP-2004', 'damage',    '1 hour',   'rep-2004-crack.png',   'The crack at the dropout', true),
    ('REP-2004', 'completed', '4 days',   'rep-2004-brazed.png',  'Brazed and painted', true)
  ) p (number, category, after, file, caption, visible)
  join seed_order s on s.number = p.number
  join orders o on o.org_id = pg_temp.org() and o.order_id = s.order_id
  join businesses b on b.org_id = o.org_id
    on conflict do nothing;

-- --- estimates -------------------------------------------------------------------------------

create temp table seed_estimate on commit drop as
select e.*, pg_temp.id('estimate/' || e.number) as estimate_id, o.order_id, o.placed_at
  from (values
    ('REP-2001', 'awaiting', '10 days',  'The axle goes at no extra cost, as promised. The cups are pitted, too: they should be replaced while the hub is open.'),
    ('REP-2003', 'awaiting', '5 days',   'With the chain the sprockets should go, or the new chain will not last.'),
    ('REP-2006', 'awaiting', '14 days',  ''),
    ('JOB-3002', 'awaiting', null,       'Lining by hand, in gold.'),
    ('REP-2007', 'awaiting', '-2 days',  ''),
    ('REP-2004', 'approved', null,       ''),
    ('REP-2101', 'declined', null,       '')
  ) e (number, status, expires, note)
  join orders o on o.org_id = pg_temp.org() and o.number = e.number;

create temp table seed_estimate_line on commit drop as
select e.order_id, e.estimate_id, l.position, l.description, l.qty::numeric as qty, l.unit,
       round(l.unit * l.qty::numeric)::bigint as total
  from (values
    ('REP-2001', 1, 'Bearing cups, pair',                  '1',   3400),
    ('REP-2001', 2, 'Bearing balls, 1/4"',                 '18',    35),
    ('REP-2001', 3, 'Workshop time, hours',                '0.5', 7200),
    ('REP-2003', 1, 'Chain, nickel-plated',                '1',   3900),
    ('REP-2003', 2, 'Sprocket set, 8 speeds',              '1',   5200),
    ('REP-2003', 3, 'Workshop time, hours',                '0.5', 7200),
    ('REP-2006', 1, 'Hub gear: new pawls and springs',     '1',   4600),
    ('REP-2006', 2, 'Gear oil, 50 ml',                     '1',    890),
    ('JOB-3002', 1, 'Hand lining, gold, hours',            '3',   6500),
    ('REP-2007', 1, 'Frame alignment after brazing',       '1',   8500),
    ('REP-2004', 1, 'Brazing of the dropout, paint',       '1',  21000),
    ('REP-2101', 1, 'New brake levers, pair',              '2',   4200)
  ) l (number, position, description, qty, unit)
  join seed_estimate e on e.number = l.number;

insert into estimates (org_id, order_id, estimate_id, version, status, currency, subtotal_minor,
                       tax_minor, total_minor, note, issued_at, expires_at, decided_at)
select pg_temp.org(), e.order_id, e.estimate_id, 1, e.status, 'USD', l.subtotal,
       round(l.subtotal * 0.07), l.subtotal + round(l.subtotal * 0.07), e.note,
       e.placed_at + interval '6 hours',
       date_trunc('hour', now() + e.expires::interval),
       case when e.status <> 'awaiting' then e.placed_at + interval '20 hours' end
  from seed_estimate e
 cross join lateral (select sum(total)::bigint as subtotal from seed_estimate_line l
                      where l.estimate_id = e.estimate_id) l
    on conflict do nothing;

insert into estimate_items (org_id, order_id, estimate_id, version, position, description, qty,
                            unit_minor, total_minor)
select pg_temp.org(), order_id, estimate_id, 1, position, description, qty, unit, total
  from seed_estimate_line
    on conflict do nothing;

-- --- parcels ---------------------------------------------------------------------------------

-- Tracking numbers in the carriers' own forms, with the check digits that these have.
create function pg_temp.tracking_number(carrier text, seed bigint) returns text
    immutable language sql as $$
    select case carrier
    when 'DHL' then (200000000 + seed % 99999999)::text
                    || ((200000000 + seed % 99999999) % 7)::text
    when 'FedEx' then d || ((select sum(substr(d, i, 1)::int * (array[3, 1, 7])[(i - 1) % 3 + 1])
                               from generate_series(1, 11) i) % 11 % 10)::text
    else '1Z999' || u || ((10 - (select sum(substr('999' || u, i, 1)::int * (2 - i % 2))
                                   from generate_series(1, 15) i) % 10) % 10)::text
    end
      from (select to_char(40000000000 + seed % 9999999999, 'FM00000000000') as d,
                   to_char(seed % 999999999999, 'FM000000000000') as u) n
$$;

create temp table seed_parcel on commit drop as
select o.order_id, o.number, o.status, o.placed_at + interval '20 hours' as label_at,
       o.expected_at, o.delivered_at, pg_temp.id('shipment/' || o.number) as shipment_id,
       c.carrier,
       pg_temp.tracking_number(c.carrier,
                               ('x' || substr(md5(o.number), 1, 10))::bit(40)::bigint)
           as tracking_number,
       case when o.status = 'delivered' then 'delivered'
            when o.number = 'ORD-1006' then 'out_for_delivery'
            when o.number = 'ORD-1016' then 'exception'
            when o.number in ('ORD-1020', 'ORD-1010') then 'picked_up'
            else 'in_transit' end as parcel_status
  from orders o
  join seed_order s on s.order_id = o.order_id
 cross join lateral (select (array['UPS', 'FedEx', 'DHL'])[s.person % 3 + 1] as carrier) c
 where o.workflow = 'shop' and o.status in ('shipped', 'delivered');

insert into shipments (org_id, order_id, shipment_id, carrier, tracking_number, status, shipped_at,
                       expected_at, delivered_at, url)
select pg_temp.org(), order_id, shipment_id, carrier, tracking_number, parcel_status, label_at,
       expected_at, delivered_at, 'https://larkfield.example/track/' || tracking_number
  from seed_parcel
    on conflict do nothing;

insert into tracking_events (org_id, order_id, shipment_id, event_id, at, status, place, note)
select pg_temp.org(), p.order_id, p.shipment_id,
       pg_temp.id('tracking/' || p.number || '/' || t.step),
       date_trunc('minute', p.label_at + t.step / s.steps::float8
                  * (coalesce(p.delivered_at, now() - interval '10 minutes') - p.label_at)),
       t.status, t.place, t.note
  from seed_parcel p
 cross join lateral (
    select case p.parcel_status when 'picked_up' then 1 when 'in_transit' then 3
           when 'exception' then 3 when 'out_for_delivery' then 4 else 5 end as steps) s
 cross join lateral (values
    (0, 'label_created',    'Burlington, VT',   ''),
    (1, 'picked_up',        'Burlington, VT',   ''),
    (2, 'in_transit',       'Albany, NY',       'Arrived at the sorting center'),
    (3, case when p.parcel_status = 'exception' then 'exception' else 'in_transit' end,
        'Regional depot', case when p.parcel_status = 'exception'
                               then 'Held up by weather; a new date follows'
                               else 'Left the depot' end),
    (4, 'out_for_delivery', 'Local depot',      ''),
    (5, 'delivered',        'Front door',       '')
  ) t (step, status, place, note)
 where t.step <= s.steps and p.label_at < now()
    on conflict do nothing;

-- --- cancelling ------------------------------------------------------------------------------

-- A new order goes back at once, one of yesterday's after a look; what has left, and work, which has
-- no state for it, does not.
insert into cancellation_rules (org_id, position, rule_id, workflow, statuses, phase, part_shipped,
                                open_for, effect, why, help, why_words)
select pg_temp.org(), r.*
  from (values
    (10, 'part-left',   'shop',   null,                  'active', true,          null::interval,
     'refuse', 'part_shipped',  'return',        '{}'::jsonb),
    (20, 'fresh',       'shop',   array['processing'],   null,     null::boolean, '12 hours',
     'approve', 'by_a_person',  'person',        '{}'),
    (30, 'two-days',    'shop',   array['processing'],   null,     null,          '2 days',
     'review', 'by_a_person',   'person',        '{}'),
    (40, 'on-the-way',  'shop',   array['shipped'],      null,     null,          null,
     'refuse', 'by_a_person',   'refuse_parcel', '{}'),
    (50, 'not-begun',   null,     array['not_started', 'received'], null, null,   null,
     'refuse', 'by_a_person',   'call',          '{}'),
    (60, 'wheel-built', 'job',    null,                  'active', null,          null,
     'refuse', 'made_to_order', 'call',
     '{"en": "We have begun to build it for you, so I can''t cancel it here.",
       "es": "Ya hemos empezado a montarlo para ti, así que aquí no puedo cancelarlo.",
       "pl": "Zaczęliśmy już składać to dla Ciebie, więc nie mogę tego tutaj anulować.",
       "ar": "بدأنا في تركيبه من أجلك، فلا يمكنني إلغاؤه من هنا."}'),
    (70, 'on-the-stand', 'repair', null,                 'active', null,          null,
     'refuse', 'in_work',       'call',          '{}'),
    (80, 'over',        null,     null,                  'done',   null,          null,
     'refuse', 'finished',      'return',        '{}'),
    (90, 'else',        null,     null,                  null,     null,          null,
     'refuse', 'by_a_person',   'person',        '{}')
  ) r
    on conflict do nothing;

insert into cancellation_reasons (org_id, reason, position, names)
select pg_temp.org(), r.reason, r.position,
       jsonb_build_object('en', r.en, 'es', r.es, 'pl', r.pl, 'ar', r.ar)
  from (values
    ('twice',   1, 'Ordered twice',       'Pedido dos veces',     'Zamówione dwa razy',   'طُلب مرتين'),
    ('wrong',   2, 'Wrong article',       'Artículo equivocado',  'Nie ten artykuł',      'قطعة غير مناسبة'),
    ('slow',    3, 'It takes too long',   'Tarda demasiado',      'Zbyt długo to trwa',   'يستغرق وقتًا طويلًا'),
    ('price',   4, 'Found it cheaper',    'Lo encontré más barato', 'Jest gdzieś taniej', 'وجدته بسعر أقل'),
    ('mind',    5, 'I changed my mind',   'He cambiado de idea',  'To już niepotrzebne',  'غيّرت رأيي'),
    ('other',   6, 'Something else',      'Otro motivo',          'Coś innego',           'سبب آخر')
  ) r (reason, position, en, es, pl, ar)
    on conflict do nothing;

insert into cancellations (org_id, cancellation_id, order_id, customer_id, status, reason, note,
                           rule_id, facts, asked_at, status_at, decided_by, decision_note)
select pg_temp.org(), pg_temp.id('cancellation/' || c.number), o.order_id, o.customer_id, c.status,
       c.reason, c.note, c.rule_id,
       jsonb_build_object('workflow', o.workflow, 'placed_at', o.placed_at, 'paid', false),
       date_trunc('minute', o.placed_at + c.asked::interval),
       date_trunc('minute', o.placed_at + c.settled::interval), c.decided_by, c.decision_note
  from (values
    ('ORD-1004', 'approved',  'mind',  '', 'fresh', '3 hours', '3 hours', 'rule', ''),
    ('ORD-1011', 'submitted', 'wrong', 'We need 28-inch tyres.', 'two-days', '1 hour', '1 hour', '', ''),
    ('ORD-1016', 'rejected',  'slow',  '', 'two-days', '30 hours', '32 hours', 'Marta',
     'It was packed by then.')
  ) c (number, status, reason, note, rule_id, asked, settled, decided_by, decision_note)
  join orders o on o.org_id = pg_temp.org() and o.number = c.number
    on conflict do nothing;

-- --- what people want to hear ----------------------------------------------------------------

-- Offers only to who asked for them, each with its entry in the log.
insert into preferences (org_id, customer_id, topic, channel, wanted, at, source)
select pg_temp.org(), p.customer_id, c.topic, c.channel, c.wanted, now() - c.ago::interval, 'chat'
  from (values
    (1, 'offers',     'whatsapp', true,  '40 days'),
    (2, 'offers',     'whatsapp', true,  '12 days'),
    (3, 'offers',     'whatsapp', true,  '5 days'),
    (1, 'offers',     'email',    true,  '40 days'),
    (3, 'reviews',    'whatsapp', false, '12 days'),
    (6, 'deliveries', 'sms',      true,  '3 days')
  ) c (person, topic, channel, wanted, ago)
  join seed_person p on p.n = c.person
    on conflict do nothing;

insert into consent_log (org_id, consent_id, at, customer_id, channel, topic, wanted, source)
select p.org_id, pg_temp.id('consent/' || p.customer_id || p.topic || p.channel), p.at,
       p.customer_id, p.channel, p.topic, p.wanted, p.source
  from preferences p
 where p.org_id = pg_temp.org()
    on conflict do nothing;

insert into customer_settings (org_id, customer_id, quiet, quiet_from, quiet_until)
select pg_temp.org(), p.customer_id, c.quiet, c.quiet_from, c.quiet_until
  from (values (2, true, 1380, 540), (9, false, 1260, 480)) c (person, quiet, quiet_from, quiet_until)
  join seed_person p on p.n = c.person
    on conflict do nothing;

-- --- reviews ---------------------------------------------------------------------------------

-- Asked a day after the end; some reminded, some never answered, one that did not want to.
insert into reviews (org_id, review_id, order_id, customer_id, source, state, rating, comment, channel, platform,
                     requested_at, asked_at, reminded_at, answered_at, clicked_at)
select pg_temp.org(), pg_temp.id('review/' || v.number), o.order_id, o.customer_id, 'timer', v.state, v.rating, v.comment,
       v.channel, v.platform, t.over, t.over + interval '1 day',
       case when v.reminded then t.over + interval '4 days' end,
       case when v.state in ('completed', 'skipped')
            then t.over + case when v.reminded then interval '4 days 2 hours' else interval '1 day 3 hours' end end,
       case when v.platform <> '' then t.over + interval '5 days' end
  from (values
    ('ORD-0907', 'completed', 4,    'Rings like a bell should.',                 'whatsapp', '',       false),
    ('ORD-1007', 'completed', 3,    'A good lock, but the bracket rattles.',     'whatsapp', '',       true),
    ('REP-2004', 'completed', 5,    'You cannot see where it was broken. Bravo.', 'whatsapp', 'Google', false),
    ('ORD-1009', 'reminded',  null, '',                                          '',         '',       true),
    ('ORD-1012', 'completed', 5,    '',                                          'email',    'Yelp',   false),
    ('ORD-1015', 'skipped',   null, '',                                          'whatsapp', '',       false),
    ('JOB-3005', 'completed', 5,    'Four wheels, all true after 2,000 miles.',  'email',    'Google', true),
    ('ORD-1019', 'asked',     null, '',                                          '',         '',       false)
  ) v (number, state, rating, comment, channel, platform, reminded)
  join orders o on o.org_id = pg_temp.org() and o.number = v.number
 cross join lateral (select date_trunc('minute', coalesce(o.delivered_at, o.placed_at + interval '5 days')) as over) t
    on conflict do nothing;
