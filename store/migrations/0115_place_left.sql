-- A place is somebody else's from now on: what was under way in its conversations is not for the new owner to read,
-- nor what was promised there and waits, for the end of quiet hours perhaps; codes and the customer's links of there
-- end.
create function place_left(the_org uuid, the_customer uuid, the_contact uuid, at timestamptz) returns void
    volatile language sql as $$
    with ended as (
        update conversations c set verified_until = null, state = '', at_rest = true
         where c.org_id = the_org and c.contact_id = the_contact
        returning c.conversation_id
    ), voided as (
        update verifications v set code_hash = null where v.org_id = the_org and v.contact_id = the_contact
    ), taken_back as (
        delete from outbox o using ended e
         where o.org_id = the_org and o.conversation_id = e.conversation_id and o.state in (0, 4, 5)
        returning o.conversation_id, o.seq
    ), untold as (
        update messages m set delivery = greatest(m.delivery, 2), reason = 'somebody else has it now'
          from taken_back t
         where m.org_id = the_org and m.conversation_id = t.conversation_id and m.seq = t.seq
    ), unwatched as (
        delete from fallbacks f using ended e
         where f.org_id = the_org and f.conversation_id = e.conversation_id
    )
    update portal_links l set revoked_at = place_left.at
     where l.org_id = the_org and l.customer_id = the_customer and l.contact_id = the_contact
       and l.revoked_at is null
$$;
revoke execute on function place_left from public;
grant execute on function place_left to parley_bot;
