int __attribute__((noinline)) fetch_order(int n)
{
	return n * 3 + 1;
}

int main(int argc, char **argv)
{
	return fetch_order(argc);
}
