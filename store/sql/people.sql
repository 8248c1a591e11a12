-- name: business_find
-- The business of this transaction.
select org_id, name, language, time_zone, currency, country, email, phone, website, privacy_url,
       settings
  from businesses
 where org_id = nullif(current_setting('parley.org_id', true), '')::uuid
