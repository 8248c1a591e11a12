-- What a worker remembers of the directory.

-- name: accounts_all
-- Every WhatsApp number and business account.
select external_id, org_id, account_id, app from directory
 where kind in ('whatsapp', 'whatsapp_business') order by external_id;
