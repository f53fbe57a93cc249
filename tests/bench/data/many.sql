-- 2,000 small tables of about 60 rows with a primary key each; every second one
-- refers to the table before it. Their number, not their bytes, is what takes time.
\set ON_ERROR_STOP on
select format('create schema part_%s', s) from generate_series(0, 9) s \gexec
select format('create table part_%s.t_%s (id integer primary key, ref integer, name text not null, at timestamptz not null, token text not null)', t % 10, t)
from generate_series(1, 2000) t \gexec
select format('insert into part_%s.t_%s select i, 1 + i %% 40, %L || i, timestamptz %L + i * interval %L, md5(%L || i) from generate_series(1, %s) i',
              t % 10, t, 'name of row ', '2024-01-01 00:00+00', '1 hour', t || '/', 40 + t % 41)
from generate_series(1, 2000) t \gexec
select format('alter table part_%s.t_%s add foreign key (ref) references part_%s.t_%s', t % 10, t, (t - 1) % 10, t - 1)
from generate_series(2, 2000, 2) t \gexec
