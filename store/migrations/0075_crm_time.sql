-- What a CRM did not say is left out of the news of it, and does not stand there as an empty time.
create or replace function crm_time(at timestamptz) returns jsonb immutable parallel safe language sql as $$
    select case when at is not null
                then jsonb_build_object('time', (extract(epoch from at) * 1000000)::int8::text) end
$$;
