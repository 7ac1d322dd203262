/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hello.cpp - a store from C++11: two small classes that close what they opened and turn errors
 * into exceptions.
 *
 * Prints
 *     greeting: hello from C++
 *     nobody: not there
 */
#include <cerrno>
#include <cstdio>
#include <stdexcept>
#include <string>

#include <weir/weir.h>

namespace
{

/* An error of the library, with its words. */
struct Error : std::runtime_error {
	Error() : std::runtime_error(weir_error())
	{
	}
};

int check(int result)
{
	if (result < 0)
		throw Error();
	return result;
}

class Store
{
      public:
	explicit Store(const char *path) : store_(nullptr)
	{
		check(weir_store_open(&store_, path, nullptr));
	}

	~Store()
	{
		weir_store_close(store_);
	}

	Store(const Store &) = delete;
	Store &operator=(const Store &) = delete;

	void put(const std::string &key, const std::string &value)
	{
		check(weir_store_put(store_, key.data(), key.size(), value.data(), value.size(),
				     WEIR_PUT_DURABLE));
	}

	/* False if there is no such key. */
	bool get(const std::string &key, std::string &value)
	{
		std::size_t length = 0;
		int err = weir_store_exists(store_, key.data(), key.size(), &length);

		if (err == -ENOENT)
			return false;
		check(err);
		value.resize(length);
		err = weir_store_get(store_, key.data(), key.size(), &value[0], value.size(),
				     &length);
		if (err == -ENOENT)
			return false;
		check(err);
		value.resize(length);
		return true;
	}

      private:
	struct weir_store *store_;
};

void format(const char *path)
{
	weir_store_format_opts opts = WEIR_STORE_FORMAT_OPTS_INIT;

	opts.create_bytes = 128 << 20;
	opts.force = 1;
	check(weir_store_format(path, &opts));
}

} // namespace

int main()
{
	try {
		format("cpp.img");
		Store store("cpp.img");
		std::string value;

		store.put("greeting", "hello from C++");
		if (store.get("greeting", value))
			std::printf("greeting: %s\n", value.c_str());
		if (!store.get("nobody", value))
			std::printf("nobody: not there\n");
	} catch (const std::exception &error) {
		std::fprintf(stderr, "hello: %s\n", error.what());
		return 1;
	}
	return 0;
}
