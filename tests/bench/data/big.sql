-- One big table, nine tenths of the bytes, with two indexes; five smaller ones beside it.
-- :bytes is about how many bytes all tables take on disk. Rows depend on their number alone.
-- md5 stands for the part of real data that does not compress (keys, hashes, tokens).
\set ON_ERROR_STOP on
select (:bytes::bigint * 9 / 10 / 170) as big_rows, (:bytes::bigint / 10 / 5 / 170) as small_rows \gset
create function pg_temp.rows(first bigint, last bigint) returns table (
    id bigint, customer integer, placed timestamptz, state text, total numeric, token text, note text)
language sql as $$
    select i, (i * 7919 % 200003)::int,
           timestamptz '2020-01-01 00:00+00' + i * interval '11 seconds',
           (array['open', 'paid', 'shipped', 'returned', 'cancelled'])[1 + (i * 31 % 5)::int],
           (i * 104729 % 10000019) / 100.0,
           md5(i::text),
           'order ' || i || ' for ' || substr(md5((i + 1)::text), 1, 12)
               || case when i % 3 = 0 then ', please ring twice' else '' end
    from generate_series(first, last) i
$$;
create table big (
    id bigint not null, customer integer not null, placed timestamptz not null,
    state text not null, total numeric not null, token text not null, note text);
insert into big select * from pg_temp.rows(1, :big_rows);
alter table big add primary key (id);
create index big_customer_placed on big (customer, placed);
select format('create table small_%s (like big); insert into small_%s select * from pg_temp.rows(%s::bigint * 1000000000, %s::bigint * 1000000000 + %s); alter table small_%s add primary key (id)',
              n, n, n, n, :small_rows - 1, n)
from generate_series(1, 5) n \gexec
