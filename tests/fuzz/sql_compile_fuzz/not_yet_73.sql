SELECT ticker FROM S;
