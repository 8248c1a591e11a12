-- What a worker remembers of the directory.

-- name: accounts_all
-- Every WhatsApp number and business account, and every number that SMS leave from.
select external_id, org_id, account_id, app, kind from directory
 where kind in ('whatsapp', 'whatsapp_business', 'sms') order by external_id;
