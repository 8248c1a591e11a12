-- Which link has to be over before is asked of the invoice (payments_claim): this was never written.
alter table checkouts drop column after_id;
