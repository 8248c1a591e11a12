-- What a worker remembers of the directory.

-- name: accounts_all
-- Every WhatsApp number and business account, every number that SMS leave from, every mail address.
select external_id, org_id, account_id, app, kind from directory
 where kind in ('whatsapp', 'whatsapp_business', 'sms', 'email') order by external_id;
