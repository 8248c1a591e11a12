-- Who there is: for commands that ask every business (store/round.h).

-- name: businesses
select distinct org_id from directory where org_id is not null order by org_id limit 10000;
